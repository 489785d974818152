-- KEYS: the counter of this window. ARGV: limit, cost, time to live in ms.
-- Returns whether the request is admitted, and what was counted before it.
local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
if cost == 0 then
  return {1, tonumber(redis.call('GET', KEYS[1]) or 0)}
end
local used = redis.call('INCRBY', KEYS[1], cost)
if used > limit then
  -- A refusal leaves no trace.
  if used == cost then
    redis.call('DEL', KEYS[1])
  else
    redis.call('DECRBY', KEYS[1], cost)
  end
  return {0, used - cost}
end
if used == cost then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {1, used - cost}
