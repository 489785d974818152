-- JSON text to nodes, and nothing lost: objects keep the order of their members, numbers their text.
--   { t = 'o', k = names, v = nodes by name }  { t = 'a', node... }  { t = 's', s = bytes }
--   { t = 'n', s = text }  { t = 'b', b = true or false }  { t = 'z' } for null
local byte, char, find, format, sub = string.byte, string.char, string.find, string.format, string.sub
local concat, insert, remove = table.concat, table.insert, table.remove
local floor = math.floor

local function refuse(text)
  error({ err = text })
end

local function utf8(code)
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40) end
  if code < 0x10000 then
    return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return char(
    0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, 0x80 + floor(code / 0x40) % 0x40,
    0x80 + code % 0x40
  )
end

local ESCAPES = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/' }

-- The string that begins behind the quotation mark at `at`, and where it ends.
local function read_string(text, at)
  local parts, begin = {}, at + 1
  while true do
    local stop = find(text, '["\\]', begin)
    parts[#parts + 1] = sub(text, begin, stop - 1)
    if byte(text, stop) == 34 then return concat(parts), stop + 1 end
    local escape = sub(text, stop + 1, stop + 1)
    if escape == 'u' then
      local code = tonumber(sub(text, stop + 2, stop + 5), 16)
      begin = stop + 6
      if code >= 0xD800 and code < 0xDC00 and sub(text, begin, begin + 1) == '\\u' then
        local low = tonumber(sub(text, begin + 2, begin + 5), 16)
        code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)
        begin = begin + 6
      end
      parts[#parts + 1] = utf8(code)
    else
      parts[#parts + 1] = ESCAPES[escape]
      begin = stop + 2
    end
  end
end

local function set_member(object, name, node)
  if not object.v[name] then object.k[#object.k + 1] = name end
  object.v[name] = node
end

local read_node

local function read_object(text, at)
  local object = { t = 'o', k = {}, v = {} }
  at = find(text, '%S', at + 1)
  if byte(text, at) == 125 then return object, at + 1 end
  while true do
    local name, node
    name, at = read_string(text, at)
    at = find(text, ':', at, true)
    node, at = read_node(text, find(text, '%S', at + 1))
    set_member(object, name, node)
    at = find(text, '[,}]', at)
    if byte(text, at) == 125 then return object, at + 1 end
    at = find(text, '%S', at + 1)
  end
end

local function read_array(text, at)
  local array = { t = 'a' }
  at = find(text, '%S', at + 1)
  if byte(text, at) == 93 then return array, at + 1 end
  while true do
    array[#array + 1], at = read_node(text, at)
    at = find(text, '[,%]]', at)
    if byte(text, at) == 93 then return array, at + 1 end
    at = find(text, '%S', at + 1)
  end
end

-- The text is known to be JSON: whoever stored it has looked.
function read_node(text, at)
  local first = byte(text, at)
  if first == 123 then return read_object(text, at) end
  if first == 91 then return read_array(text, at) end
  if first == 34 then
    local value, after = read_string(text, at)
    return { t = 's', s = value }, after
  end
  if first == 116 then return { t = 'b', b = true }, at + 4 end
  if first == 102 then return { t = 'b', b = false }, at + 5 end
  if first == 110 then return { t = 'z' }, at + 4 end
  local _, stop = find(text, '^[-+.%deE]+', at)
  return { t = 'n', s = sub(text, at, stop) }, stop + 1
end

local function read(text)
  return (read_node(text, find(text, '%S')))
end
