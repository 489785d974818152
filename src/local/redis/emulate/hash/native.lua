-- The deadlines are those of Redis, which takes none that is later.
MAX = 70368744177663
local DOCUMENT = '\0json'
local key

local function open(name)
  key = name
  local document = redis.pcall('HEXISTS', key, DOCUMENT)
  if type(document) == 'table' then return document end
  if document == 1 then return { err = 'WRONGTYPE Operation against a key holding the wrong kind of value' } end
end

local function close() end

local function deadline(field)
  local at = redis.call('HPEXPIRETIME', key, 'FIELDS', 1, field)[1]
  if at >= 0 then return at end
end

-- Without a time, the field no longer expires.
local function set_deadline(field, at)
  if at then
    redis.call('HPEXPIREAT', key, at, 'FIELDS', 1, field)
  else
    redis.call('HPERSIST', key, 'FIELDS', 1, field)
  end
end

local function delete(field)
  return redis.call('HDEL', key, field)
end

-- As HSET: the field no longer expires.
local function set(field, value)
  redis.call('HSET', key, field, value)
end

