-- Ends a session of a principal. KEYS: the index of the principal, the session. ARGV: the session's name, the principal.
-- Returns done, gone where there is none or it is somebody else's, or moved and where it went a moment ago.
local is = redis.call('HMGET', KEYS[2], '_r', '_p')
if is[1] then
  return {'moved', is[1]}
end
redis.call('ZREM', KEYS[1], ARGV[1])
if is[2] ~= ARGV[2] then
  return {'gone'}
end
redis.call('DEL', KEYS[2])
return {'done'}
