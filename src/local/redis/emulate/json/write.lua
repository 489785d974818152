-- The commands that also write values at paths which have none yet.

-- Adds a value to its parent, and says whether there was an object to add it to.
local function add_child(document, path, value)
  local last = path.p[#path.p]
  for _, step in ipairs(path.p) do
    if step.d or (step.k ~= 'c' and step.k ~= 'i') then refuse('ERR wrong static path') end
  end
  if last.k == 'i' then refuse('ERR array index out of range') end
  local steps, added = {}, false
  for i = 1, #path.p - 1 do steps[i] = path.p[i] end
  local parents = matches_of(document, steps, document)
  -- RedisJSON writes nothing, Upstash refuses it to JSON.SET.
  if #parents == 0 and ARGV[1] == 'JSON.SET' then missing(path.f) end
  for _, match in ipairs(parents) do
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

-- The document that results when `value` is written at a path of a document, or of none; nil if it is not written.
-- `change` makes a new node of an old one.
local function write(document, path, value, condition, change)
  if #path.p == 0 then
    if (condition == 'NX' and document) or (condition == 'XX' and not document) then return nil end
    return document and change(document) or read(value)
  end
  if not document then
    if condition == 'XX' then return nil end
    refuse('ERR new objects must be created at the root')
  end
  local matches = matches_of(document, path.p, document)
  if #matches > 0 then
    if condition == 'NX' then return nil end
    for _, match in ipairs(matches) do put(match, change(match.node)) end
  elseif condition == 'XX' or not add_child(document, path, value) then
    return nil
  end
  return document
end

local function write_one(condition, change)
  local document = write(load(key), path, ARGV[3], condition, change)
  if not document then return false end
  store(key, document)
  return redis.status_reply('OK')
end

commands['JSON.SET'] = function()
  return write_one(ARGV[4], function() return read(ARGV[3]) end)
end

commands['JSON.MERGE'] = function()
  return write_one('', function(node) return merge(node, read(ARGV[3])) end)
end

commands['JSON.MSET'] = function()
  local documents = {}
  for i, of in ipairs(paths) do
    if #of.p > 0 and not load(KEYS[i]) then refuse('ERR new objects must be created at the root') end
  end
  for i, of in ipairs(paths) do
    local value = ARGV[2 + i]
    local document = documents[KEYS[i]] or load(KEYS[i])
    documents[KEYS[i]] = write(document, of, value, '', function() return read(value) end) or document
  end
  -- At the end: had one failed, none would be written.
  for name, document in pairs(documents) do store(name, document) end
  return redis.status_reply('OK')
end

