-- ARGV: how many milliseconds are one, 1 when they count from now, fields.
local failure = open(KEYS[1])
if failure then return failure end
-- The remaining time is rounded up, as by Redis; a moment down, as by Upstash.
local unit, start, more = tonumber(ARGV[1]), 0, 0
if ARGV[2] == '1' then start, more = now, unit - 1 end
local replies = {}
for i = 3, #ARGV do
  local at = deadline(ARGV[i])
  if at then
    replies[#replies + 1] = math.floor((at - start + more) / unit)
  elseif redis.call('HEXISTS', key, ARGV[i]) == 1 then
    replies[#replies + 1] = -1
  else
    replies[#replies + 1] = -2
  end
end
return replies
