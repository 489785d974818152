-- The document of a command, and the answers about it. ARGV[1] is the name of the command, ARGV[2] its paths, and what
-- follows the values, which are JSON already.
local MARK = '\0json'
local NO_KEY = "ERR could not perform this operation on a key that doesn't exist"
local TYPES = { o = 'object', a = 'array', s = 'string', b = 'boolean', z = 'null' }

local paths = cjson.decode(ARGV[2])
local path, key = paths[1], KEYS[1]
local commands = {}

-- The document under a key, or nil if there is no key.
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

local function missing(text, otherwise)
  refuse("ERR Path '" .. text .. "' does not exist" .. (otherwise or ''))
end

local function type_name(node)
  if node.t == 'n' then return find(node.s, '[.eE]') and 'number' or 'integer' end
  return TYPES[node.t]
end

-- One answer for each match; false if there is none.
local function list(matches, answer)
  local answers = {}
  for i, match in ipairs(matches) do answers[i] = answer(match) or false end
  return answers
end

local function only(kind, answer)
  return function(match)
    if match.node.t == kind then return answer(match.node) end
  end
end

-- A change of what is there. A path of the older kind gets the answer of the last match that has one, or the error,
-- which ends in `otherwise`.
local function changes(answer, otherwise, text)
  local document = load(key)
  if not document then refuse(NO_KEY) end
  local matches, result = matches_of(document, path.p, document), nil
  if path.l then
    for _, match in ipairs(matches) do
      local of = answer(match)
      if of ~= nil then result = of end
    end
    if result == nil then missing(text or path.f, otherwise) end
  else
    result = list(matches, answer)
  end
  store(key, document)
  return result
end

-- A read of nodes of one kind, or of any. A path of the older kind gets the answer of the first match.
--   no_key: the error if there is no key; without it, and for a path of the older kind, there is no answer
--   absent: makes the error if nothing matches; without it there is no answer
--   wrong: makes the error if the first match is of another kind
local function reads(kind, answer, errors)
  local document = load(key)
  if not document then
    if errors.no_key and not path.l then refuse(errors.no_key) end
    return false
  end
  local matches = matches_of(document, path.p, document)
  if not path.l then return list(matches, kind and only(kind, answer) or function(match) return answer(match.node) end) end
  if not matches[1] then
    if errors.absent then errors.absent() end
    return false
  end
  local node = matches[1].node
  if kind and node.t ~= kind then errors.wrong(node) end
  return answer(node)
end

-- The error for a node that is not of the kind which a command is for.
local function expected(kind)
  return function(node)
    refuse('WRONGTYPE wrong type of path value - expected ' .. TYPES[kind] .. ' but found ' .. type_name(node))
  end
end

