-- Does to a session what one request did to it, or nothing.
-- KEYS: the session, and what the places below point to.
-- ARGV: 1 create | fork | update | rotate | replace | destroy
--       2 now in ms, 3 idle time in ms, 4 absolute lifetime in ms (0: none)
--       5 name of the other session (rotate, fork, replace), 6 for how long in ms an old key tells the new one
--       places in KEYS, 0 for none: 7 the other session, 8 the index of its principal, 9 the index of its new principal
--       10 the principal as it is thought to be, of a fork * for whosever; 11 the new one: empty for as it is, - for nobody
--       12 the version that is expected, or empty; numbers of fields: 13 to set, 14 to remove, 15 expected
--       16 of a session that was not loaded how many bytes it may have, or empty
--       17 for how long in ms a rotated session goes on beside the new one; 18 when the request arrived, in ms
--       19 a lifetime of its own: idle time in ms, empty for as it is, - for none; 20 the absolute one of that
--       21 1 if the lifetime begins anew, as with a rotation; 22 place in KEYS of the other side of a rotation that no client has confirmed, which ends too; 0 for none
--       then names and values to set, names to remove, and of what is expected names, 1 or 0 for there or not, values.
-- Returns done | gone | conflict | unread, or principal | moved | linked and whose it is, where it went, or what ends with it.
local FIRST = 22
local action, now, moves = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[6])
local key, other = KEYS[1], KEYS[tonumber(ARGV[7])]
local index, new_index = KEYS[tonumber(ARGV[8])], KEYS[tonumber(ARGV[9])]
local principal, login = ARGV[10], ARGV[11] ~= '' and ARGV[11] ~= '-'
local grace, since, both = tonumber(ARGV[17]), tonumber(ARGV[18]), KEYS[tonumber(ARGV[22])]
local function name(of)
  return string.sub(of, -64)
end
local function read(of)
  local f = redis.call('HMGET', of, '_r', '_c', '_v', '_p', '_e', '_l', '_i', '_a', '_o', '_s', '_d')
  local created = tonumber(f[2] or nil)
  return {
    moved = f[1], created = created, version = f[3], principal = f[4] or '', epoch = tonumber(f[5] or 0),
    seen = tonumber(f[6] or nil) or created, idle = tonumber(f[7] or nil), absolute = tonumber(f[8] or nil),
    replaces = f[9], replaced_by = f[10], replaced_at = tonumber(f[11] or 0),
  }
end
local function epoch_of(of)
  return tonumber(redis.call('ZSCORE', of, 'epoch') or 0)
end

local fresh, ends = action == 'create' or action == 'fork', action == 'destroy' or action == 'replace'
local again, head = false, {}
if not fresh then
  head = read(key)
  local went = head.moved or head.replaced_by
  if action == 'rotate' and (went == ARGV[5] or redis.call('EXISTS', other) == 1) then
    -- This one, whose answer was lost: what is in it now is written where it went.
    action, key, again = 'update', other, true
    head = read(key)
    if head.moved then
      return {'moved', head.moved}
    end
  elseif head.moved then
    return {'moved', head.moved}
  elseif head.replaced_by and not ends then
    local on_its_way = since < head.replaced_at + moves
    local late = since <= head.replaced_at and now >= head.replaced_at + moves
    if action == 'update' and on_its_way or late then
      return {'moved', head.replaced_by}
    end
  end
end

local created, absolute, idle, seen = now, tonumber(ARGV[4]), tonumber(ARGV[3]), now
if action == 'fork' then
  local of = read(other)
  if of.moved then
    return {'moved', of.moved}
  end
  if not of.created then
    return {'gone'}
  end
  if principal ~= '*' then
    -- What is known is known of this session, in this state and for as long as it lives.
    created = of.created
    if of.principal ~= principal then
      return {'gone'}
    end
  end
  if new_index and of.principal == ARGV[11] and epoch_of(new_index) > of.epoch then
    return {'gone'}
  end
elseif ends then
  -- Of a rotation that no client has confirmed, both sides end, in one step: this is the same when it is done again.
  local linked = head.replaced_by or head.replaces
  if linked and not (both and name(both) == linked) then
    return {'linked', linked}
  end
  -- One that was restored goes its own way.
  if linked and (head.replaced_by or redis.call('HEXISTS', both, '_s') == 1) then
    if index then
      redis.call('ZREM', index, linked)
    end
    redis.call('DEL', both)
  end
  -- An index that is not known keeps a name of nobody, until somebody looks.
  if index and head.principal == principal then
    redis.call('ZREM', index, name(key))
  end
  redis.call('DEL', key)
  if action == 'destroy' then
    return {'done'}
  end
  key, index, principal, fresh = other, false, '', true
elseif not fresh then
  created, seen = head.created, head.seen
  if not created then
    return {'gone'}
  end
  idle, absolute = head.idle or idle, head.absolute or absolute
  if seen + idle <= now then
    redis.call('DEL', key)
    return {'gone'}
  end
  if (action == 'rotate' or ARGV[11] ~= '' or ARGV[19] ~= '') and head.principal ~= principal then
    return {'principal', head.principal}
  end
  if index and epoch_of(index) > head.epoch then
    -- All sessions of its principal were ended.
    redis.call('DEL', key)
    redis.call('ZREM', index, name(key))
    return {'gone'}
  end
  if not again and head.replaces and (action == 'rotate' or ARGV[16] ~= '') then
    -- The load ends the session that it was rotated from.
    return {'unread'}
  end
  if not again and ARGV[12] ~= '' and head.version ~= ARGV[12] then
    return {'conflict'}
  end
end

local set, remove, expect = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
local at = FIRST + 2 * set + remove
for i = at + 1, at + 3 * expect, 3 do
  local is = redis.call('HGET', key, ARGV[i])
  if (is and '1' or '0') ~= ARGV[i + 1] or (is and is ~= ARGV[i + 2]) then
    return {'conflict'}
  end
end

if fresh then
  if redis.call('EXISTS', key) == 1 then
    return {'gone'}
  end
  idle, absolute = tonumber(ARGV[19]) or idle, tonumber(ARGV[20]) or absolute
end
if absolute > 0 and created + absolute <= now then
  redis.call('DEL', key)
  return {'gone'}
end
if ARGV[16] ~= '' then
  -- Whoever has not loaded it knows neither how much there is, nor that its browser has to keep the cookie for longer.
  local size, new = 0, {}
  for i = FIRST + 1, FIRST + 2 * set, 2 do
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

-- A login is a beginning in this respect too.
local restarts = login and (action == 'rotate' or again or ARGV[21] == '1')
if restarts then
  created = now
end
if ARGV[19] ~= '' then
  idle, absolute = tonumber(ARGV[19]) or tonumber(ARGV[3]), tonumber(ARGV[20]) or tonumber(ARGV[4])
end
local rest = absolute > 0 and created + absolute - now or idle
local left = math.min(idle, rest)
if left <= 0 then
  redis.call('DEL', key)
  return {'gone'}
end

if action == 'rotate' then
  if grace > 0 then
    redis.call('COPY', key, other)
    redis.call('HDEL', other, '_s', '_d')
    redis.call('HSET', other, '_o', name(key))
    redis.call('HSET', key, '_s', ARGV[5], '_d', ARGV[2])
    -- No longer than it had, and no longer than the client may need to come back.
    local ttl = redis.call('PTTL', key)
    redis.call('PEXPIRE', key, math.max(math.min(ttl, grace), moves))
  else
    redis.call('RENAME', key, other)
    redis.call('HDEL', other, '_s', '_d')
    redis.call('HSET', key, '_r', ARGV[5])
    redis.call('PEXPIRE', key, moves)
    if index then
      redis.call('ZREM', index, name(key))
    end
  end
  key = other
elseif head.replaced_by and not again then
  -- The client goes on with the old id: it never got the new one.
  redis.call('HDEL', key, '_s', '_d')
end
if ARGV[11] ~= '' then
  if index then
    redis.call('ZREM', index, name(key))
  end
  index = new_index
  if login then
    redis.call('HSET', key, '_p', ARGV[11], '_e', epoch_of(index), '_t', ARGV[2])
  else
    redis.call('HDEL', key, '_p', '_e', '_t')
    index = false
  end
end
if index then
  -- Those whose time is over; the epoch is a small number.
  redis.call('ZREMRANGEBYSCORE', index, 1000000000, ARGV[2])
  redis.call('ZADD', index, string.format('%.0f', now + rest), name(key))
  redis.call('PEXPIRE', index, rest, 'NX')
  redis.call('PEXPIRE', index, rest, 'GT')
end
if fresh or restarts then
  redis.call('HSET', key, '_c', string.format('%.0f', created))
end
if not again then
  redis.call('HINCRBY', key, '_v', 1)
end
-- By the same rule as where it is loaded, so that the cookie is sent again when this moves.
if fresh or action == 'rotate' or ARGV[19] ~= '' or now - seen > idle / 10 then
  redis.call('HSET', key, '_l', ARGV[2])
end
if ARGV[19] == '-' then
  redis.call('HDEL', key, '_i', '_a')
elseif ARGV[19] ~= '' then
  redis.call('HSET', key, '_i', ARGV[19], '_a', ARGV[20])
end
for i = FIRST + 1, FIRST + 2 * set, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
for i = FIRST + 1 + 2 * set, at do
  redis.call('HDEL', key, ARGV[i])
end
redis.call('PEXPIRE', key, left)
return {'done'}
