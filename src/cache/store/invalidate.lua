-- Invalidates entries by their tags, or all by the empty one. KEYS: the stamps of the namespace, the latest of them.
-- ARGV: the channel and the message of the change, or '-'; the longest life of an entry in ms; the tags. Stamps that
-- are older than any entry are forgotten, a few at a time.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stamps = {}
for at = 4, #ARGV do
  stamps[#stamps + 1] = ARGV[at]
  stamps[#stamps + 1] = string.format('%.0f', now)
end
redis.call('HSET', KEYS[1], unpack(stamps))
local looked = redis.call('HRANDFIELD', KEYS[1], 2 * #ARGV + 4, 'WITHVALUES')
for at = 1, #looked, 2 do
  if tonumber(looked[at + 1]) < now - tonumber(ARGV[3]) * 1000 then
    redis.call('HDEL', KEYS[1], looked[at])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], string.format('%.0f', now), 'PX', ARGV[3])
if ARGV[1] ~= '-' then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return 1
