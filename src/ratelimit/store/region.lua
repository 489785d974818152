-- One region of several: a window is a hash from the ids of requests to their costs.
-- KEYS: this window, the one before (for a sliding window). ARGV: the request's id, cost, limit, now in ms, window in ms,
--   time to live in ms.
-- Returns whether the request is admitted, and what was counted in the window before and in this one.
local id, cost, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now, window = tonumber(ARGV[4]), tonumber(ARGV[5])
local function sum(key)
  local all = 0
  for _, value in ipairs(redis.call('HVALS', key)) do
    all = all + (tonumber(value) or 0)
  end
  return all
end
local current, previous = sum(KEYS[1]), 0
local carried = 0
if KEYS[2] then
  previous = sum(KEYS[2])
  carried = math.floor((1 - (now % window) / window) * previous)
end
if cost > 0 and carried + current + cost > limit then
  return {0, previous, current}
end
if cost ~= 0 then
  redis.call('HSET', KEYS[1], id, cost)
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
return {1, previous, current}
