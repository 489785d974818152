-- ARGV: the group, the consumer, and the whole command.
local group, consumer = ARGV[1], ARGV[2]
local new_in = {}
for _, key in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, group)
  local is_known = consumers.err ~= nil
  for _, info in ipairs(consumers) do
    -- The first of its pairs is its name.
    is_known = is_known or info[2] == consumer
  end
  if not is_known then new_in[#new_in + 1] = key end
end
local reply = redis.pcall(unpack(ARGV, 3))
for _, key in ipairs(new_in) do redis.call('XGROUP', 'DELCONSUMER', key, group, consumer) end
return reply
