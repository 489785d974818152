-- A request with the new id of a rotated session has come: the old one ends.
-- KEYS: the new session, the old one, and the index of the new one's principal, if it has one. ARGV: the names of both, for
--   how long in ms the old one says that it moved.
if redis.call('HGET', KEYS[1], '_o') ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], '_o')
if KEYS[3] then
  redis.call('ZREM', KEYS[3], ARGV[2])
end
-- Only as long as there is something to say: what has ended is not there.
if redis.call('DEL', KEYS[2]) == 1 then
  redis.call('HSET', KEYS[2], '_r', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
