-- ARGV: the operation. KEYS: where the result goes, and of what it is made.
local operation = ARGV[1]
local sources, length = {}, 0
for i = 2, #KEYS do
  local value = redis.pcall('GET', KEYS[i])
  if type(value) == 'table' then return value end
  sources[#sources + 1] = value or ''
  length = math.max(length, #sources[#sources])
end
if length == 0 then
  redis.call('DEL', KEYS[1])
  return 0
end

local function combine(at)
  local first = sources[1]:byte(at) or 0
  local any, twice = 0, 0
  for i = 2, #sources do
    local byte = sources[i]:byte(at) or 0
    twice = bit.bor(twice, bit.band(any, byte))
    any = bit.bor(any, byte)
  end
  if operation == 'DIFF' then return bit.band(first, bit.bnot(any)) end
  if operation == 'DIFF1' then return bit.band(any, bit.bnot(first)) end
  if operation == 'ANDOR' then return bit.band(first, any) end
  -- ONE: in one of them and in no other.
  return bit.band(bit.bxor(first, any), bit.bnot(twice))
end

-- In parts, because Lua takes only some thousand arguments at once.
local PART = 4000
local parts = {}
for from = 1, length, PART do
  local bytes = {}
  for at = from, math.min(from + PART - 1, length) do bytes[#bytes + 1] = combine(at) end
  parts[#parts + 1] = string.char(unpack(bytes))
end
redis.call('SET', KEYS[1], table.concat(parts))
return length
