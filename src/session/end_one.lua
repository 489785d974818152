-- Ends a session of a principal. KEYS: the index of the principal, the session. ARGV: the session's name, the principal.
-- Returns gone where there is none or it is somebody else's, done, ended and the name of the one that it was rotated from
-- or to where no client has confirmed that, or moved and where it went a moment ago.
local is = redis.call('HMGET', KEYS[2], '_r', '_p', '_s', '_o')
if is[1] then
  return {'moved', is[1]}
end
redis.call('ZREM', KEYS[1], ARGV[1])
if is[2] ~= ARGV[2] then
  return {'gone'}
end
redis.call('DEL', KEYS[2])
local linked = is[3] or is[4]
if linked then
  return {'ended', linked}
end
return {'done'}
