-- The cheap way for one fixed window without a dynamic limit: count first, look afterwards.
-- KEYS: the counter of this window. ARGV: limit, cost (1 or more), time to live in ms.
-- Returns whether the request is admitted, and what was counted before it.
local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local used = redis.call('INCRBY', KEYS[1], cost)
local before = used - cost
if used > limit then
  -- A refusal leaves nothing that could check the place of another request, also under a limit that is raised later.
  if before == 0 then
    redis.call('DEL', KEYS[1])
  else
    redis.call('DECRBY', KEYS[1], cost)
  end
  return {0, before}
end
if before == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {1, before}
