-- Begins to end the sessions of a principal: from here on none of them goes on under another key.
-- KEYS: the index of the principal, and a session that is kept. ARGV: its name, or empty; how long the index has to be
-- kept in ms; the principal.
-- Returns done and the names of all others, or moved and where the kept one went.
if KEYS[2] then
  local moved = redis.call('HGET', KEYS[2], '_r')
  if moved then
    return {'moved', moved}
  end
end
local epoch = redis.call('ZINCRBY', KEYS[1], 1, 'epoch')
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'NX')
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
if KEYS[2] and redis.call('HGET', KEYS[2], '_p') == ARGV[3] then
  redis.call('HSET', KEYS[2], '_e', epoch)
end
local names = {'done'}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if name ~= 'epoch' and name ~= ARGV[1] then
    names[#names + 1] = name
  end
end
return names
