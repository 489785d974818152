-- ARGV: the error for a time too far away, milliseconds, 1 when they count from now, a condition, fields.
local failure = open(KEYS[1])
if failure then return failure end
local at, condition = moment(ARGV[2], ARGV[3]), ARGV[4]
if not at then return { err = ARGV[1] } end

local function is_met(before)
  if condition == 'NX' then return not before end
  if condition == 'XX' then return before end
  if condition == 'GT' then return before and at > before end
  if condition == 'LT' then return not before or at < before end
  return true
end

local replies = {}
for i = 5, #ARGV do
  local field, reply = ARGV[i], 1
  if redis.call('HEXISTS', key, field) == 0 then
    reply = -2
  elseif not is_met(deadline(field)) then
    reply = 0
  elseif at <= now then
    reply = 2
    delete(field)
  else
    set_deadline(field, at)
  end
  replies[#replies + 1] = reply
end
close()
return replies
