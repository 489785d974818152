-- Lua counts no further. It is later than Redis allows; Upstash does, and some clients mistake the unit.
local MAX = 9007199254740991
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- When something is to expire, in milliseconds of Unix time; nothing when that is beyond MAX.
local function moment(milliseconds, relative)
  local at = tonumber(milliseconds)
  if relative == '1' then at = at + now end
  if at <= MAX then return at end
end

