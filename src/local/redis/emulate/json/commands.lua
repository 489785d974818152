-- The commands. ARGV[1] is the name, ARGV[2] the paths, and what follows the values, which are JSON already.
local MARK = '\0json'
local NO_KEY = "ERR could not perform this operation on a key that doesn't exist"

-- The document under a key, or nil where there is no key.
local function load(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return nil end
  local text = kind == 'hash' and redis.call('HGET', key, MARK)
  if not text then refuse('WRONGTYPE Existing key has wrong Redis type') end
  return read(text)
end

local function store(key, document)
  redis.call('HSET', key, MARK, print(document))
end

local function missing(path)
  refuse("ERR Path '" .. path.t .. "' does not exist")
end

-- One answer for each match, or, for a path of the older kind, the one of the last that has one.
local function each(document, path, answer)
  local matches = matches_of(document, path.p, document)
  if path.l then
    local result
    for _, match in ipairs(matches) do
      local of = answer(match)
      if of ~= nil then result = of end
    end
    if result == nil then missing(path) end
    return result
  end
  local answers = {}
  for i, match in ipairs(matches) do
    local of = answer(match)
    if of == nil then answers[i] = false else answers[i] = of end
  end
  return answers
end

-- A read: nil where there is no key, and, for a path of the older kind, where nothing matches.
local function reads(document, path, answer)
  if not document then return false end
  if path.l and #matches_of(document, path.p, document) == 0 then return false end
  return each(document, path, answer)
end

-- A change of what is there.
local function changes(key, path, answer)
  local document = load(key)
  if not document then refuse(NO_KEY) end
  local result = each(document, path, answer)
  store(key, document)
  return result
end

local function only(kind, answer)
  return function(match)
    if match.node.t == kind then return answer(match.node, match) end
  end
end

local function type_name(node)
  if node.t == 'n' then return find(node.s, '[.eE]') and 'number' or 'integer' end
  return ({ o = 'object', a = 'array', s = 'string', b = 'boolean', z = 'null' })[node.t]
end

-- Adds a value where its parent is, and says whether it did.
local function add_child(document, path, value)
  local last = path.p[#path.p]
  for _, step in ipairs(path.p) do
    if step.d or (step.k ~= 'c' and step.k ~= 'i') then refuse('ERR wrong static path') end
  end
  if last.k ~= 'c' then return false end
  local parents, added = {}, false
  for i = 1, #path.p - 1 do parents[i] = path.p[i] end
  for _, match in ipairs(matches_of(document, parents, document)) do
    if match.node.t == 'o' then
      set_member(match.node, last.n, read(value))
      added = true
    end
  end
  return added
end

-- RFC 7396.
local function merge(target, patch)
  if patch.t ~= 'o' then return patch end
  if target.t ~= 'o' then target = { t = 'o', k = {}, v = {} } end
  for _, name in ipairs(patch.k) do
    local value, old = patch.v[name], target.v[name]
    if value.t == 'z' then
      if old then take_out({ parent = target, name = name, node = old }) end
    elseif value.t == 'o' then
      set_member(target, name, merge(old or { t = 'z' }, value))
    else
      set_member(target, name, value)
    end
  end
  return target
end

-- Writes `value` at a path, and says whether it did. `change` makes a new node of an old one.
local function write(key, path, value, condition, change)
  local document = load(key)
  if #path.p == 0 then
    if (condition == 'NX' and document) or (condition == 'XX' and not document) then return false end
    store(key, document and change(document) or read(value))
    return true
  end
  if not document then refuse('ERR new objects must be created at the root') end
  local matches = matches_of(document, path.p, document)
  if #matches > 0 then
    if condition == 'NX' then return false end
    for _, match in ipairs(matches) do put(match, change(match.node)) end
  elseif condition == 'XX' or not add_child(document, path, value) then
    return false
  end
  store(key, document)
  return true
end

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

-- An index of an array of `length`, counted from the end where it is negative.
local function from_start(index, length)
  return index < 0 and math.max(0, length + index) or index
end

local paths = cjson.decode(ARGV[2])
local path, key = paths[1], KEYS[1]
local commands = {}

commands['JSON.SET'] = function()
  local value = ARGV[3]
  local written = write(key, path, value, ARGV[4], function() return read(value) end)
  return written and redis.status_reply('OK')
end

commands['JSON.MSET'] = function()
  for i, of in ipairs(paths) do
    if #of.p > 0 and not load(KEYS[i]) then refuse('ERR new objects must be created at the root') end
  end
  for i, of in ipairs(paths) do
    local value = ARGV[2 + i]
    write(KEYS[i], of, value, '', function() return read(value) end)
  end
  return redis.status_reply('OK')
end

commands['JSON.MERGE'] = function()
  local value = ARGV[3]
  local written = write(key, path, value, '', function(node) return merge(node, read(value)) end)
  return written and redis.status_reply('OK')
end

commands['JSON.GET'] = function()
  local document = load(key)
  if not document then return false end
  local layout = { indent = ARGV[3], newline = ARGV[4], space = ARGV[5] }
  if #paths == 1 then return print(found_text(document, path) or missing(path), layout) end
  local all, legacy = { t = 'o', k = {}, v = {} }, true
  for _, of in ipairs(paths) do legacy = legacy and of.l end
  for _, of in ipairs(paths) do
    local node = found_text(document, { t = of.t, p = of.p, l = legacy }) or missing(of)
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

commands['JSON.DEL'] = function()
  local document = load(key)
  if not document then return 0 end
  if #path.p == 0 then return redis.call('DEL', key) end
  local deleted = 0
  for _, match in ipairs(matches_of(document, path.p, document)) do
    if take_out(match) then deleted = deleted + 1 end
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
  return reads(load(key), path, function(match) return type_name(match.node) end)
end

commands['JSON.RESP'] = function()
  return reads(load(key), path, function(match) return resp(match.node) end)
end

commands['JSON.DEBUG'] = function()
  local document = load(key)
  if not document then return path.l and 0 or {} end
  return reads(document, path, function(match) return #print(match.node) end)
end

commands['JSON.ARRAPPEND'] = function()
  return changes(key, path, only('a', function(array)
    for i = 3, #ARGV do array[#array + 1] = read(ARGV[i]) end
    return #array
  end))
end

commands['JSON.ARRINSERT'] = function()
  local index = tonumber(ARGV[3])
  return changes(key, path, only('a', function(array)
    local at = index < 0 and #array + index or index
    if at < 0 or at > #array then refuse('ERR index out of bounds') end
    for i = #ARGV, 4, -1 do insert(array, at + 1, read(ARGV[i])) end
    return #array
  end))
end

commands['JSON.ARRINDEX'] = function()
  local document, wanted = load(key), read(ARGV[3])
  if not document then refuse(NO_KEY) end
  return each(document, path, only('a', function(array)
    local from, to = from_start(tonumber(ARGV[4]), #array), tonumber(ARGV[5])
    to = (to == 0 and #array) or (to < 0 and #array + to) or math.min(to, #array)
    for i = from + 1, to do
      if equal(array[i], wanted) then return i - 1 end
    end
    return -1
  end))
end

commands['JSON.ARRLEN'] = function()
  return reads(load(key), path, only('a', function(array) return #array end))
end

commands['JSON.ARRPOP'] = function()
  local index = tonumber(ARGV[3])
  return changes(key, path, only('a', function(array)
    if #array == 0 then return nil end
    local at = math.max(0, math.min(index < 0 and #array + index or index, #array - 1))
    return print(remove(array, at + 1))
  end))
end

commands['JSON.ARRTRIM'] = function()
  local start, stop = tonumber(ARGV[3]), tonumber(ARGV[4])
  return changes(key, path, only('a', function(array)
    local from = from_start(start, #array)
    local to = math.min(stop < 0 and #array + stop or stop, #array - 1)
    local kept = {}
    for i = from, to do kept[#kept + 1] = array[i + 1] end
    for i = #array, 1, -1 do array[i] = nil end
    for i = 1, #kept do array[i] = kept[i] end
    return #array
  end))
end

local function arithmetic(operation)
  return function()
    local result = changes(key, path, only('n', function(number)
      number.s = calculate(operation, number.s, ARGV[3])
      return number.s
    end))
    if path.l then return result end
    for i = 1, #result do result[i] = result[i] or 'null' end
    return '[' .. concat(result, ',') .. ']'
  end
end
commands['JSON.NUMINCRBY'] = arithmetic('add')
commands['JSON.NUMMULTBY'] = arithmetic('multiply')

commands['JSON.TOGGLE'] = function()
  return changes(key, path, only('b', function(node)
    node.b = not node.b
    if path.l then return node.b and 'true' or 'false' end
    return node.b and 1 or 0
  end))
end

commands['JSON.OBJKEYS'] = function()
  return reads(load(key), path, only('o', function(object) return object.k end))
end

commands['JSON.OBJLEN'] = function()
  return reads(load(key), path, only('o', function(object) return #object.k end))
end

commands['JSON.STRAPPEND'] = function()
  local more = read(ARGV[3]).s
  return changes(key, path, only('s', function(node)
    node.s = node.s .. more
    return #node.s
  end))
end

commands['JSON.STRLEN'] = function()
  return reads(load(key), path, only('s', function(node) return #node.s end))
end

local done, result = pcall(commands[ARGV[1]])
if done then return result end
-- Redis's pcall gives the text of an error that was a table.
local text = type(result) == 'table' and result.err or tostring(result)
if find(text, '^%u+ ') then return redis.error_reply(text) end
return redis.error_reply('ERR the document cannot be worked on: ' .. text)
