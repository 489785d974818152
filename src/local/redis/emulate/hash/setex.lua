-- ARGV: the error for a time too far away, milliseconds or KEEP or PERSIST, 1 when they count from now, a condition,
-- fields and values.
local failure = open(KEYS[1])
if failure then return failure end
local at = tonumber(ARGV[2]) and moment(ARGV[2], ARGV[3])
if at == nil and tonumber(ARGV[2]) then return { err = ARGV[1] } end
for i = 5, #ARGV, 2 do
  local exists = redis.call('HEXISTS', key, ARGV[i]) == 1
  if ARGV[4] == (exists and 'FNX' or 'FXX') then return 0 end
end
for i = 5, #ARGV, 2 do
  local field = ARGV[i]
  local before = deadline(field)
  set(field, ARGV[i + 1])
  if ARGV[2] == 'KEEP' then
    if before then set_deadline(field, before) end
  elseif at then
    if at <= now then delete(field) else set_deadline(field, at) end
  end
end
close()
return 1
