-- ARGV: 1 if types are told, what becomes of documents, the count, and the command, which ends with its count.
-- Documents are hashes here: they are kept (''), left out ('hash'), or all that is kept ('ReJSON-RL').

-- Redis serves no other client in the meantime. To look at so many keys takes it about a tenth of a second, or a quarter
-- if they are looked at one by one; the keyspace may have any number.
local MAX_LOOKED_AT = 100000

local with_type, kind, count = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3])
local tells = with_type or kind ~= ''
local words = { unpack(ARGV, 4) }

local function type_of(key)
  local type = redis.call('TYPE', key).ok
  if type == 'hash' and redis.call('HEXISTS', key, '\0json') == 1 then return 'ReJSON-RL' end
  return type
end

local found, looked_at, items = 0, 0, {}
repeat
  looked_at = looked_at + words[#words]
  local reply = redis.pcall(unpack(words))
  if reply.err then return reply end
  for _, key in ipairs(reply[2]) do
    local type = tells and type_of(key)
    if kind == '' or type == kind then
      found = found + 1
      items[#items + 1] = key
      if with_type then items[#items + 1] = type end
    end
  end
  words[2], words[#words] = reply[1], count - found
until reply[1] == '0' or found >= count or looked_at >= MAX_LOOKED_AT
return { words[2], items }
