-- Ends sessions of a principal. KEYS: its index, and the sessions. ARGV: the principal, the name of a session that is kept or
--   nothing, for how long in ms an old key says that its session moved.
-- Returns how many there were. One that was rotated is there under both its keys, and counts once.
local ended = 0
for i = 2, #KEYS do
  local is = redis.call('HMGET', KEYS[i], '_r', '_p', '_s')
  redis.call('ZREM', KEYS[1], string.sub(KEYS[i], -64))
  -- A key that says that the session moved goes on saying so.
  if not is[1] and is[2] == ARGV[1] then
    redis.call('DEL', KEYS[i])
    if is[3] and is[3] == ARGV[2] then
      -- The kept session's own old key.
      redis.call('HSET', KEYS[i], '_r', ARGV[2])
      redis.call('PEXPIRE', KEYS[i], ARGV[3])
    elseif not is[3] then
      ended = ended + 1
    end
  end
end
return ended
