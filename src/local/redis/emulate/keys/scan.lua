-- ARGV: the command without WITHTYPE.
local reply = redis.pcall(unpack(ARGV))
if reply.err then return reply end
local typed = {}
for _, key in ipairs(reply[2]) do
  typed[#typed + 1] = key
  typed[#typed + 1] = redis.call('TYPE', key).ok
end
return { reply[1], typed }
