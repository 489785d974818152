-- Ends a session of a principal. KEYS: the index of the principal, the session, and the other side of a rotation that no
--   client has confirmed, if one is known. ARGV: the session's name, the principal, the other side's name or nothing.
-- Returns gone where there is none or it is somebody else's, done, linked and the name of the other side, which has to end
-- in the same step, or moved and where it went a moment ago.
local is = redis.call('HMGET', KEYS[2], '_r', '_p', '_s', '_o')
if is[1] then
  return {'moved', is[1]}
end
if is[2] ~= ARGV[2] then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return {'gone'}
end
local linked = is[3] or is[4]
if linked and linked ~= ARGV[3] then
  return {'linked', linked}
end
-- One that was restored goes its own way.
if linked and (is[3] or redis.call('HEXISTS', KEYS[3], '_s') == 1) then
  redis.call('ZREM', KEYS[1], linked)
  redis.call('DEL', KEYS[3])
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return {'done'}
