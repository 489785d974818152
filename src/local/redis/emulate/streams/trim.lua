-- ARGV: the strategy, the threshold, how many words are in the command, the command without its effect of trimming,
-- and the one that trims exactly.
local LEFT_ALONE = 100
local strategy, threshold, length = ARGV[1], ARGV[2], tonumber(ARGV[3])
local reply = redis.pcall(unpack(ARGV, 4, 3 + length))
if not reply or type(reply) == 'table' and reply.err then return reply end

local excess = 0
if strategy == 'MAXLEN' then
  excess = redis.call('XLEN', KEYS[1]) - tonumber(threshold)
elseif threshold ~= '0-0' then
  excess = #redis.call('XRANGE', KEYS[1], '-', '(' .. threshold, 'COUNT', LEFT_ALONE)
end
if excess < LEFT_ALONE then return reply end
local trimmed = redis.call(unpack(ARGV, 4 + length))
-- XADD replies with the ID.
return type(reply) == 'number' and trimmed or reply
