-- KEYS: the session, and its new key when it is rotated.
-- ARGV: create | update | destroy, now in ms, idle time in ms, absolute lifetime in ms (0: none),
--       number of fields to set, their names and values, names of fields to remove.
-- Returns 1, or 0 where the session is gone: then nothing is written.
local action, now, left, absolute = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key = KEYS[1]
if action == 'destroy' then
  redis.call('DEL', key)
  return 1
end
local created
if action == 'create' then
  if redis.call('EXISTS', key) == 1 then
    return 0
  end
  created = now
else
  created = tonumber(redis.call('HGET', key, '_c'))
  if not created then
    return 0
  end
end
if absolute > 0 then
  left = math.min(left, created + absolute - now)
end
if left <= 0 then
  redis.call('DEL', key)
  return 0
end
if KEYS[2] then
  redis.call('RENAME', key, KEYS[2])
  key = KEYS[2]
end
if action == 'create' then
  redis.call('HSET', key, '_c', ARGV[2])
end
redis.call('HINCRBY', key, '_v', 1)
local set = tonumber(ARGV[5])
for i = 6, 5 + 2 * set, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
for i = 6 + 2 * set, #ARGV do
  redis.call('HDEL', key, ARGV[i])
end
redis.call('PEXPIRE', key, left)
return 1
