-- The commands that read and change what is there.

local function found_text(document, path, layout)
  local nodes = {}
  for i, match in ipairs(matches_of(document, path.p, document)) do nodes[i] = match.node end
  if not path.l then return list_of(nodes) end
  return nodes[1]
end

local function resp(node)
  if node.t == 'o' then
    local reply = { '{' }
    for _, name in ipairs(node.k) do
      reply[#reply + 1] = name
      reply[#reply + 1] = resp(node.v[name])
    end
    return reply
  end
  if node.t == 'a' then
    local reply = { '[' }
    for i = 1, #node do reply[i + 1] = resp(node[i]) end
    return reply
  end
  if node.t == 'b' then return { ok = node.b and 'true' or 'false' } end
  if node.t == 'z' then return false end
  -- Lua's numbers have 53 bits: a longer integer stays text.
  if node.t == 'n' and find(node.s, '^-?%d+$') and #node.s < 16 then return tonumber(node.s) end
  return node.s
end

local NO_ARRAY, NO_OBJECT = ' or not an array', ' or not an object'

-- An index of an array of `length`, counted from the end if it is negative.
local function from_start(index, length)
  return index < 0 and math.max(0, length + index) or index
end

commands['JSON.GET'] = function()
  local document = load(key)
  if not document then return false end
  local layout = { indent = ARGV[3], newline = ARGV[4], space = ARGV[5] }
  if #paths == 1 then return print(found_text(document, path) or missing(path.f), layout) end
  local all, legacy = { t = 'o', k = {}, v = {} }, true
  for _, of in ipairs(paths) do legacy = legacy and of.l end
  for _, of in ipairs(paths) do
    local node = found_text(document, { t = of.t, p = of.p, l = legacy }) or missing(of.f)
    set_member(all, of.t, node)
  end
  return print(all, layout)
end

commands['JSON.MGET'] = function()
  local texts = {}
  for i = 1, #KEYS do
    local loaded, document = pcall(load, KEYS[i])
    local node = loaded and document and found_text(document, path)
    texts[i] = node and print(node) or false
  end
  return texts
end

-- Marks all that is in a node.
local function mark_within(node, marks)
  for _, child in ipairs(children(node)) do
    if not marks[child.node] then
      marks[child.node] = true
      mark_within(child.node, marks)
    end
  end
end

commands['JSON.DEL'] = function()
  local document = load(key)
  if not document then return 0 end
  if #path.p == 0 then return redis.call('DEL', key) end
  local deleted, within = 0, {}
  local matches = matches_of(document, path.p, document)
  for _, match in ipairs(matches) do mark_within(match.node, within) end
  for _, match in ipairs(matches) do
    -- A match that is deleted with something around it does not count.
    if not within[match.node] and take_out(match) then deleted = deleted + 1 end
  end
  if deleted > 0 then store(key, document) end
  return deleted
end
commands['JSON.FORGET'] = commands['JSON.DEL']

commands['JSON.CLEAR'] = function()
  local document = load(key)
  if not document then refuse(NO_KEY) end
  local cleared = 0
  for _, match in ipairs(matches_of(document, path.p, document)) do
    local node = match.node
    if (node.t == 'o' and #node.k > 0) or (node.t == 'a' and #node > 0) then
      for i = #node, 1, -1 do node[i] = nil end
      if node.t == 'o' then node.k, node.v = {}, {} end
      cleared = cleared + 1
    elseif node.t == 'n' and tonumber(node.s) ~= 0 then
      node.s = '0'
      cleared = cleared + 1
    end
  end
  if cleared > 0 then store(key, document) end
  return cleared
end

commands['JSON.TYPE'] = function()
  return reads(nil, type_name, {})
end

commands['JSON.RESP'] = function()
  return reads(nil, resp, { absent = function() missing(path.f) end })
end

commands['JSON.DEBUG'] = function()
  if not load(key) then return path.l and 0 or {} end
  return reads(nil, function(node) return #print(node) end, { absent = function() missing(path.f) end })
end

commands['JSON.ARRAPPEND'] = function()
  return changes(only('a', function(array)
    for i = 3, #ARGV do array[#array + 1] = read(ARGV[i]) end
    return #array
  end), NO_ARRAY, path.t)
end

commands['JSON.ARRINSERT'] = function()
  local index = tonumber(ARGV[3])
  return changes(only('a', function(array)
    local at = index < 0 and #array + index or index
    if at < 0 or at > #array then refuse('ERR index out of bounds') end
    for i = #ARGV, 4, -1 do insert(array, at + 1, read(ARGV[i])) end
    return #array
  end), NO_ARRAY)
end

commands['JSON.ARRINDEX'] = function()
  local wanted = read(ARGV[3])
  if not load(key) then missing(path.t) end
  return reads('a', function(array)
    local from = math.min(from_start(tonumber(ARGV[4]), #array), math.max(#array - 1, 0))
    local to = tonumber(ARGV[5])
    to = (to == 0 and #array) or (to < 0 and #array + to) or math.min(to, #array)
    for i = from + 1, to do
      if equal(array[i], wanted) then return i - 1 end
    end
    return -1
  end, { absent = function() missing(path.f) end, wrong = expected('a') })
end

commands['JSON.ARRLEN'] = function()
  return reads('a', function(array) return #array end, {
    no_key = NO_KEY,
    absent = function() missing(path.t) end,
    wrong = function() missing(path.t, NO_ARRAY) end,
  })
end

commands['JSON.ARRPOP'] = function()
  local index = tonumber(ARGV[3])
  return changes(only('a', function(array)
    if #array == 0 then return false end
    local at = math.max(0, math.min(index < 0 and #array + index or index, #array - 1))
    return print(remove(array, at + 1))
  end), NO_ARRAY)
end

commands['JSON.ARRTRIM'] = function()
  local start, stop = tonumber(ARGV[3]), tonumber(ARGV[4])
  return changes(only('a', function(array)
    local from = from_start(start, #array)
    local to = math.min(from_start(stop, #array), #array - 1)
    local kept = {}
    for i = from, to do kept[#kept + 1] = array[i + 1] end
    for i = #array, 1, -1 do array[i] = nil end
    for i = 1, #kept do array[i] = kept[i] end
    return #array
  end), NO_ARRAY)
end

local function arithmetic(operation)
  return function()
    local result = changes(only('n', function(number)
      number.s = calculate(operation, number.s, ARGV[3])
      return number.s
    end), ' or does not contains a number')
    if path.l then return result end
    for i = 1, #result do result[i] = result[i] or 'null' end
    return '[' .. concat(result, ',') .. ']'
  end
end
commands['JSON.NUMINCRBY'] = arithmetic('add')
commands['JSON.NUMMULTBY'] = arithmetic('multiply')

commands['JSON.TOGGLE'] = function()
  return changes(only('b', function(node)
    node.b = not node.b
    if path.l then return node.b and 'true' or 'false' end
    return node.b and 1 or 0
  end), ' or not a bool')
end

commands['JSON.OBJKEYS'] = function()
  return reads('o', function(object) return object.k end, {
    no_key = NO_KEY,
    wrong = function() missing(path.f, NO_OBJECT) end,
  })
end

commands['JSON.OBJLEN'] = function()
  return reads('o', function(object) return #object.k end, {
    no_key = "ERR Path '" .. path.t .. "' does not exist" .. NO_OBJECT,
    wrong = expected('o'),
  })
end

commands['JSON.STRAPPEND'] = function()
  local more = read(ARGV[3]).s
  return changes(only('s', function(node)
    node.s = node.s .. more
    return #node.s
  end), ' or not a string')
end

commands['JSON.STRLEN'] = function()
  return reads('s', function(node) return #node.s end, {
    no_key = NO_KEY,
    absent = function() missing(path.f) end,
    wrong = expected('s'),
  })
end

local done, result = pcall(commands[ARGV[1]])
if done then return result end
-- Redis's pcall gives the text of an error that was a table.
local text = type(result) == 'table' and result.err or tostring(result)
if find(text, '^%u+ ') then return redis.error_reply(text) end
return redis.error_reply('ERR the document cannot be worked on: ' .. text)
