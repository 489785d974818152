-- KEYS: the counters of this window and of the one before. ARGV: limit, now in ms, window in ms, cost.
-- Returns whether the request is admitted, and what was counted before it in both windows.
local limit, now, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local current = tonumber(redis.call('GET', KEYS[1]) or 0)
local previous = tonumber(redis.call('GET', KEYS[2]) or 0)
local elapsed = (now % window) / window
if math.floor((1 - elapsed) * previous) + current + cost > limit then
  return {0, previous, current}
end
if cost > 0 and redis.call('INCRBY', KEYS[1], cost) == cost then
  -- The next window still looks at it.
  redis.call('PEXPIRE', KEYS[1], window * 2 + 1000)
end
return {1, previous, current}
