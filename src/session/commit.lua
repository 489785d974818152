-- KEYS: the session, and its new key when it is rotated.
-- ARGV: create | update | destroy, now in ms, idle time in ms, absolute lifetime in ms (0: none),
--       the new key's name and the time in ms for which the old one tells it,
--       number of fields to set, their names and values, names of fields to remove.
-- Returns an empty text where it is done, "gone" where there is no session, and where it was rotated a moment ago the
-- name of its key. In the last two cases nothing is written.
local action, now, left, absolute = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key = KEYS[1]
local moved = redis.call('HGET', key, '_r')
if moved then
  return moved
end
if action == 'destroy' then
  redis.call('DEL', key)
  return ''
end
local created
if action == 'create' then
  if redis.call('EXISTS', key) == 1 then
    return 'gone'
  end
  created = now
else
  created = tonumber(redis.call('HGET', key, '_c') or nil)
  if not created then
    return 'gone'
  end
end
if absolute > 0 then
  left = math.min(left, created + absolute - now)
end
if left <= 0 then
  redis.call('DEL', key)
  return 'gone'
end
if KEYS[2] then
  redis.call('RENAME', key, KEYS[2])
  redis.call('HSET', key, '_r', ARGV[5])
  redis.call('PEXPIRE', key, ARGV[6])
  key = KEYS[2]
end
if action == 'create' then
  redis.call('HSET', key, '_c', ARGV[2])
end
redis.call('HINCRBY', key, '_v', 1)
local set = tonumber(ARGV[7])
for i = 8, 7 + 2 * set, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
for i = 8 + 2 * set, #ARGV do
  redis.call('HDEL', key, ARGV[i])
end
redis.call('PEXPIRE', key, left)
return ''
