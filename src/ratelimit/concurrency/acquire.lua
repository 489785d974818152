-- KEYS: a sorted set of leases by the time at which they end. ARGV: now in ms, max at a time, length of a lease in ms, id.
-- Returns whether there was room, and how many leases there are now.
local now, max, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local held = redis.call('ZCARD', KEYS[1])
if held >= max then
  return {0, held}
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease), ARGV[4])
-- Longer leases of others outlive this one.
redis.call('PEXPIRE', KEYS[1], lease + 1000, held == 0 and 'NX' or 'GT')
return {1, held + 1}
