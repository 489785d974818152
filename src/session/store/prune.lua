-- Takes off a principal's index what is none of its sessions any more.
-- KEYS: the index, sessions that seem to be none. ARGV: the principal.
for i = 2, #KEYS do
  if redis.call('HGET', KEYS[i], '_p') ~= ARGV[1] then
    redis.call('ZREM', KEYS[1], string.sub(KEYS[i], -64))
  end
end
return 0
