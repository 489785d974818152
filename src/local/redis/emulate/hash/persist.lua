-- ARGV: fields.
local failure = open(KEYS[1])
if failure then return failure end
local replies = {}
for i, field in ipairs(ARGV) do
  if deadline(field) then
    replies[i] = 1
    set_deadline(field, nil)
  elseif redis.call('HEXISTS', key, field) == 1 then
    replies[i] = -1
  else
    replies[i] = -2
  end
end
close()
return replies
