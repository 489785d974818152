local MAX = 70368744177663
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- When something is to expire, in milliseconds of Unix time; nothing when that is too far away.
local function moment(milliseconds, relative)
  local at = tonumber(milliseconds)
  if relative == '1' then at = at + now end
  if at <= MAX then return at end
end

