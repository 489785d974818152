-- Removes keys, and tells of it. KEYS: entries and leases. ARGV: the channel, the message.
local removed = redis.call('UNLINK', unpack(KEYS))
redis.call('PUBLISH', ARGV[1], ARGV[2])
return removed
