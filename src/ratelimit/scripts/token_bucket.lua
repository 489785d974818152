-- KEYS: the bucket. ARGV: most tokens, interval in ms, tokens per interval, now in ms, cost.
-- Returns whether the request is admitted, and the bucket refilled for now, before the request.
local max, interval, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now, cost = tonumber(ARGV[4]), tonumber(ARGV[5])
local stored = redis.call('HMGET', KEYS[1], 'refilledAt', 'tokens')
local refilled, tokens = tonumber(stored[1]), tonumber(stored[2])
if not refilled or not tokens then
  refilled, tokens = now, max
elseif now >= refilled + interval then
  local steps = math.floor((now - refilled) / interval)
  tokens = math.min(max, tokens + steps * rate)
  refilled = refilled + steps * interval
end
if tokens < cost then
  return {0, refilled, tokens}
end
if cost > 0 then
  local left = tokens - cost
  redis.call('HSET', KEYS[1], 'refilledAt', refilled, 'tokens', left)
  -- When the bucket is full again it need not be kept.
  -- No longer than 2^52 ms: beyond that Lua writes numbers that Redis does not read.
  redis.call('PEXPIRE', KEYS[1], math.min(math.max(1, math.ceil((max - left) / rate)) * interval, 4503599627370496))
end
return {1, refilled, tokens}
