-- ARGV: the whole command. A hash of which everything has expired is gone for it.
for _, name in ipairs(KEYS) do open(name) end
return redis.pcall(unpack(ARGV))
