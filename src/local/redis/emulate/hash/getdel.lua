-- ARGV: fields.
local failure = open(KEYS[1])
if failure then return failure end
local values = {}
for i, field in ipairs(ARGV) do
  values[i] = redis.call('HGET', key, field)
  if values[i] then delete(field) end
end
close()
return values
