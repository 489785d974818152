-- ARGV: the error for a time too far away, milliseconds or KEEP or PERSIST, 1 when they count from now, fields.
local failure = open(KEYS[1])
if failure then return failure end
local at = tonumber(ARGV[2]) and moment(ARGV[2], ARGV[3])
if at == nil and tonumber(ARGV[2]) then return { err = ARGV[1] } end
local values = {}
for i = 4, #ARGV do
  local field = ARGV[i]
  local value = redis.call('HGET', key, field)
  values[#values + 1] = value
  if value and ARGV[2] == 'PERSIST' then
    if deadline(field) then set_deadline(field, nil) end
  elseif value and at then
    if at <= now then delete(field) else set_deadline(field, at) end
  end
end
close()
return values
