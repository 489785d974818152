-- KEYS: the session. ARGV: now in ms, idle time in ms, absolute lifetime in ms (0: none).
-- Returns the fields, and begins the idle time anew; nothing where there is no session, or no longer.
-- A session that was rotated away has one field, _r, and its time is not extended.
local fields = redis.call('HGETALL', KEYS[1])
local created, seen
for i = 1, #fields, 2 do
  if fields[i] == '_c' then
    created = tonumber(fields[i + 1])
  elseif fields[i] == '_l' then
    seen = tonumber(fields[i + 1])
  end
end
if not created then
  return fields
end
seen = seen or created
local now, idle, absolute = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = idle
if absolute > 0 then
  left = math.min(left, created + absolute - now)
end
if left <= 0 or seen + idle <= now then
  redis.call('DEL', KEYS[1])
  return {}
end
-- A busy client is not a write for each read: the first tenth of the idle time is not counted.
local ttl = redis.call('PTTL', KEYS[1])
if now - seen > idle / 10 or ttl > left then
  redis.call('HSET', KEYS[1], '_l', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return fields
