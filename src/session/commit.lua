-- Does to a session what one request did to it, or nothing.
-- KEYS: the session, and what the places below point to.
-- ARGV: 1 create | fork | update | rotate | replace | destroy
--       2 now in ms, 3 idle time in ms, 4 absolute lifetime in ms (0: none)
--       5 name of the other session (rotate, fork, replace), 6 for how long in ms an old key tells the new one
--       places in KEYS, 0 for none: 7 the other session, 8 the index of its principal, 9 the index of its new principal
--       10 the principal as it is thought to be, of a fork * for whosever; 11 the new one: empty for as it is, - for nobody
--       12 the version that is expected, or empty; numbers of fields: 13 to set, 14 to remove, 15 expected
--       16 of a session that was not loaded how many bytes it may have, or empty
--       then names and values to set, names to remove, and of what is expected names, 1 or 0 for there or not, values.
-- Returns done | gone | conflict | unread, or principal | moved and whose it is or where it went.
local action, now, left, absolute = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key, other = KEYS[1], KEYS[tonumber(ARGV[7])]
local index, new_index = KEYS[tonumber(ARGV[8])], KEYS[tonumber(ARGV[9])]
local principal = ARGV[10]
local function name(of)
  return string.sub(of, -64)
end

local again = false
local moved = redis.call('HGET', key, '_r')
if moved then
  if action ~= 'rotate' or moved ~= ARGV[5] then
    return {'moved', moved}
  end
  -- This one, whose answer was lost: what is in it now is written where it went.
  action, key, again = 'update', other, true
end
local fresh = action == 'create' or action == 'fork' or action == 'replace'
local created, epoch, seen = now, false, now
local function epoch_of(index)
  return tonumber(redis.call('ZSCORE', index, 'epoch') or 0)
end
if action == 'fork' then
  local of = redis.call('HMGET', other, '_c', '_r', '_p', '_e')
  if of[2] then
    return {'moved', of[2]}
  end
  if not of[1] then
    return {'gone'}
  end
  if principal ~= '*' then
    -- What is known is known of this session, in this state and for as long as it lives.
    created = tonumber(of[1])
    if (of[3] or '') ~= principal then
      return {'gone'}
    end
  end
  if new_index and of[3] == ARGV[11] and epoch_of(new_index) > tonumber(of[4] or 0) then
    return {'gone'}
  end
end

if action ~= 'create' and action ~= 'fork' then
  local head = redis.call('HMGET', key, '_c', '_v', '_p', '_e', '_l')
  if action == 'destroy' or action == 'replace' then
    -- An index that is not known keeps a name of nobody, until somebody looks.
    if index and head[3] == principal then
      redis.call('ZREM', index, name(key))
    end
    redis.call('DEL', key)
    if action == 'destroy' then
      return {'done'}
    end
    key, index, principal = other, false, ''
  else
    created = tonumber(head[1] or nil)
    if not created then
      return {'gone'}
    end
    seen = tonumber(head[5] or head[1])
    if seen + left <= now then
      redis.call('DEL', key)
      return {'gone'}
    end
    if (action == 'rotate' or ARGV[11] ~= '') and (head[3] or '') ~= principal then
      return {'principal', head[3] or ''}
    end
    epoch = head[4]
    if index and epoch_of(index) > tonumber(epoch or 0) then
      -- All sessions of its principal were ended.
      redis.call('DEL', key)
      redis.call('ZREM', index, name(key))
      return {'gone'}
    end
    if not again and ARGV[12] ~= '' and head[2] ~= ARGV[12] then
      return {'conflict'}
    end
  end
end

local set, remove, expect = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
local at = 16 + 2 * set + remove
for i = at + 1, at + 3 * expect, 3 do
  local is = redis.call('HGET', key, ARGV[i])
  if (is and '1' or '0') ~= ARGV[i + 1] or (is and is ~= ARGV[i + 2]) then
    return {'conflict'}
  end
end

if fresh and redis.call('EXISTS', key) == 1 then
  return {'gone'}
end
local rest, idle = left, left
if absolute > 0 then
  rest = created + absolute - now
  left = math.min(left, rest)
end
if left <= 0 then
  redis.call('DEL', key)
  return {'gone'}
end
if ARGV[16] ~= '' then
  -- Whoever has not loaded it knows neither how much there is, nor that its browser has to keep the cookie for longer.
  local size, new = 0, {}
  for i = 17, 16 + 2 * set, 2 do
    if string.sub(ARGV[i], 1, 1) ~= '_' then
      new[ARGV[i]] = true
      size = size + #ARGV[i] + #ARGV[i + 1]
    end
  end
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 1) ~= '_' and not new[fields[i]] then
      size = size + #fields[i] + #fields[i + 1]
    end
  end
  if size > tonumber(ARGV[16]) or now - seen > idle / 10 then
    return {'unread'}
  end
end
if action == 'rotate' then
  redis.call('RENAME', key, other)
  redis.call('HSET', key, '_r', ARGV[5])
  redis.call('PEXPIRE', key, ARGV[6])
  if index then
    redis.call('ZREM', index, name(key))
  end
  key = other
end
if ARGV[11] ~= '' then
  if index then
    redis.call('ZREM', index, name(key))
  end
  index = new_index
  if ARGV[11] == '-' then
    redis.call('HDEL', key, '_p', '_e')
    index = false
  else
    redis.call('HSET', key, '_p', ARGV[11], '_e', epoch_of(index))
  end
end
if index then
  -- Those whose time is over; the epoch is a small number.
  redis.call('ZREMRANGEBYSCORE', index, 1000000000, ARGV[2])
  redis.call('ZADD', index, string.format('%.0f', now + rest), name(key))
  redis.call('PEXPIRE', index, rest, 'NX')
  redis.call('PEXPIRE', index, rest, 'GT')
end
if fresh then
  redis.call('HSET', key, '_c', string.format('%.0f', created))
end
if not again then
  redis.call('HINCRBY', key, '_v', 1)
end
-- By the same rule as where it is loaded, so that the cookie is sent again when this moves.
if fresh or action == 'rotate' or now - seen > idle / 10 then
  redis.call('HSET', key, '_l', ARGV[2])
end
for i = 17, 16 + 2 * set, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
for i = 17 + 2 * set, at do
  redis.call('HDEL', key, ARGV[i])
end
redis.call('PEXPIRE', key, left)
return {'done'}
