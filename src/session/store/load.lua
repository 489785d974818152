-- KEYS: the session. ARGV: now in ms, idle time in ms, absolute lifetime in ms (0: none), for how long in ms a request
--   may have been on its way during a rotation, when the request arrived, in ms; then the names of other sessions that the
--   client has cookies of.
-- Returns the fields, and begins the idle time anew; nothing where there is no session, or no longer.
-- A session that was rotated away has one field, _r, and its time is not extended.
local fields = redis.call('HGETALL', KEYS[1])
local is = {}
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) == '_' then
    is[fields[i]] = fields[i + 1]
  end
end
local created = tonumber(is._c or nil)
if not created then
  return fields
end
local now = tonumber(ARGV[1])
-- Its own lifetime, or the layer's.
local idle, absolute = tonumber(is._i or ARGV[2]), tonumber(is._a or ARGV[3])
local seen = tonumber(is._l or created)
local left = idle
if absolute > 0 then
  left = math.min(left, created + absolute - now)
end
if left <= 0 or seen + idle <= now then
  redis.call('DEL', KEYS[1])
  return {}
end
local restored = false
if is._s then
  for i = 6, #ARGV do
    if ARGV[i] == is._s then
      -- The client has the new id as well: it counts.
      return {'_r', is._s}
    end
  end
  local since, replaced = tonumber(ARGV[5]), tonumber(is._d or 0)
  if since < replaced + tonumber(ARGV[4]) then
    if since >= replaced and redis.call('PTTL', KEYS[1]) < left then
      -- It is used, so the client may have no other id: it is kept for longer than the grace.
      redis.call('HSET', KEYS[1], '_l', ARGV[1])
      redis.call('PEXPIRE', KEYS[1], left)
    end
    return fields
  end
  -- The client came with the old id although it had time for the new one: it never got that, and this one goes on.
  redis.call('HDEL', KEYS[1], '_s', '_d')
  restored = true
end
-- A busy client is not a write for each read: the first tenth of the idle time is not counted.
local ttl = redis.call('PTTL', KEYS[1])
if restored or now - seen > idle / 10 or ttl > left then
  redis.call('HSET', KEYS[1], '_l', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
if restored then
  return redis.call('HGETALL', KEYS[1])
end
return fields
