-- Ends a session of a principal. KEYS: the index of the principal, the session. ARGV: the session's name.
-- Returns done, or moved and where it went, if it was rotated a moment ago.
local moved = redis.call('HGET', KEYS[2], '_r')
if moved then
  return {'moved', moved}
end
redis.call('ZREM', KEYS[1], ARGV[1])
return {redis.call('DEL', KEYS[2]) == 1 and 'done' or 'gone'}
