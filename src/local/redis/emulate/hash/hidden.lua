-- The deadlines are in a field of the hash itself, so that DEL, RENAME, COPY and EXPIRE carry them along.
local HIDDEN = '\0upstash-local:deadlines'
local DOCUMENT = '\0json'
local key, deadlines, changed

local function close()
  if not changed then return end
  changed = false
  if next(deadlines) then
    redis.call('HSET', key, HIDDEN, cmsgpack.pack(deadlines))
  else
    redis.call('HDEL', key, HIDDEN)
  end
end

-- Deletes the fields that have expired. Gives the error for a key that is not a hash, or a document in one.
local function open(name)
  key, deadlines, changed = name, {}, false
  local packed = redis.pcall('HGET', key, HIDDEN)
  if type(packed) == 'table' then return packed end
  if not packed then
    if redis.call('HEXISTS', key, DOCUMENT) == 0 then return end
    return { err = 'WRONGTYPE Operation against a key holding the wrong kind of value' }
  end
  deadlines = cmsgpack.unpack(packed)
  for field, at in pairs(deadlines) do
    if at <= now then
      redis.call('HDEL', key, field)
      deadlines[field], changed = nil, true
    end
  end
  -- A client's own script may have deleted the last field and left this one.
  if redis.call('HLEN', key) == 1 then deadlines, changed = {}, true end
  close()
end

local function deadline(field)
  return deadlines[field]
end

-- Without a time, the field no longer expires.
local function set_deadline(field, at)
  if deadlines[field] ~= at then deadlines[field], changed = at, true end
end

local function delete(field)
  set_deadline(field, nil)
  return redis.call('HDEL', key, field)
end

-- As HSET: the field no longer expires.
local function set(field, value)
  redis.call('HSET', key, field, value)
  set_deadline(field, nil)
end

