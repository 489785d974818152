-- Any number of limits, all or none, and the deny list before them.
--
-- KEYS: first those that hold strings (counters, arrival times, dynamic limits), then the others.
-- ARGV: numbers with spaces between, as one argument because each argument is handled by several processes on its way:
--   now in ms, how many keys hold strings, whether the list of addresses is asked for (1), and nine for each limit:
--   kind, its keys' places (the second one for the window before), the places of dynamic limits, the more particular one
--   first (0: none), limit, window | interval in ms | emission in us, tokens an interval, cost;
--   then the values that the deny list is asked for, with the keys of the list and of its state last in KEYS.
-- Returns 1 admitted, 0 refused, 2 denied; the time to live of the addresses' state; then, for a denial, the place of the
--   value that matched; otherwise for each limit the limit that was applied and what was found: the counts of the window
--   before and of this one, or when the bucket was refilled and its tokens, or the arrival time and 0.
local n = {}
for word in string.gmatch(ARGV[1], '%S+') do
  n[#n + 1] = tonumber(word)
end
local now, strings, ips, asked = n[1], n[2], n[3] == 1, #ARGV - 1
local state = 0

if ips then
  state = redis.call('TTL', KEYS[#KEYS])
  if state == -2 then
    -- Whoever is told so fetches the list; the others leave it alone until then.
    redis.call('SETEX', KEYS[#KEYS], 30, 'pending')
  end
end
if asked > 0 then
  local list = KEYS[ips and #KEYS - 1 or #KEYS]
  local found = redis.call('SMISMEMBER', list, unpack(ARGV, 2))
  for place, is in ipairs(found) do
    if is == 1 then
      return {2, state, place}
    end
  end
end

local values = {}
if strings > 0 then
  values = redis.call('MGET', unpack(KEYS, 1, strings))
end

local FIXED, SLIDING, BUCKET, GCRA = 1, 2, 3, 4
-- Clocks differ a little, and that is no reason to bound anything: to count it again would let more through.
local OUT_OF_ORDER = 1000
local limits, admitted = {}, true
local reply = {1, state}
for at = 4, #n, 9 do
  local kind, key, before, own, shared, limit, span, rate, cost = unpack(n, at, at + 8)
  limit = tonumber(own > 0 and values[own] or shared > 0 and values[shared] or limit) or limit
  local one, two, excess = 0, 0, 0
  -- Of a clock far ahead, and bounded: that is kept also where the request is refused.
  local bounded = false
  local fits
  if kind == FIXED then
    two = tonumber(values[key] or 0)
    if cost < 0 and two > limit then
      -- What JavaScript refused beyond the limit was never used: it goes with the refund.
      excess, two = two - limit, limit
    end
    fits = two + cost <= limit
  elseif kind == SLIDING then
    one, two = tonumber(values[before] or 0), tonumber(values[key] or 0)
    fits = math.floor((1 - (now % span) / span) * one) + two + cost <= limit
  elseif kind == BUCKET then
    local stored = redis.call('HMGET', KEYS[key], 'refilledAt', 'tokens')
    one, two = tonumber(stored[1]), tonumber(stored[2])
    if not one or not two then
      one, two = now, limit
    else
      -- What a clock far ahead has left is full within the time that it takes to fill.
      local missing = math.min(limit, math.max(0, limit - two))
      local latest = now + (math.ceil(limit / rate) - math.ceil(missing / rate)) * span
      if one > latest + OUT_OF_ORDER then
        one, bounded = latest, true
      end
    end
    if now >= one + span then
      local steps = math.floor((now - one) / span)
      two = two + steps * rate
      one = one + steps * span
      if two >= limit then
        -- Full, as if it had never been used: whether the key has expired makes no difference.
        one, two = now, limit
      end
    end
    fits = two >= cost
  else
    -- A clock ahead can have used the whole burst up, and no more.
    one = math.max(tonumber(values[key] or 0), now * 1000)
    if one > (now + OUT_OF_ORDER) * 1000 + limit * span then
      one, bounded = now * 1000 + limit * span, true
    end
    fits = one + cost * span - now * 1000 <= limit * span
  end
  if cost > 0 and not fits then
    admitted = false
    reply[1] = 0
  end
  limits[#limits + 1] = {kind, key, limit, span, rate, cost, one, two, excess, bounded}
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = limit, one, two
end

if not admitted then
  for _, l in ipairs(limits) do
    local kind, key, _, _, _, _, one, two, _, bounded = unpack(l)
    if bounded and kind == BUCKET then
      redis.call('HSET', KEYS[key], 'refilledAt', string.format('%.0f', one), 'tokens', string.format('%.0f', two))
    elseif bounded then
      redis.call('SET', KEYS[key], string.format('%.0f', one), 'KEEPTTL')
    end
  end
  return reply
end

-- Beyond 2^52 Lua writes numbers that Redis does not read.
local function ms(value)
  return math.min(math.max(1, math.ceil(value)), 4503599627370496)
end

for _, l in ipairs(limits) do
  local kind, key, limit, span, rate, cost, one, two, excess = unpack(l)
  if cost == 0 then
    -- Only looked at.
  elseif kind == FIXED or kind == SLIDING then
    redis.call('INCRBY', KEYS[key], cost - excess)
    if not values[key] then
      -- A sliding window is looked at in the next one as well.
      local rest = span - now % span
      redis.call('PEXPIRE', KEYS[key], ms((kind == SLIDING and rest + span or rest) + 1000))
    end
  elseif kind == BUCKET then
    local left = two - cost
    redis.call('HSET', KEYS[key], 'refilledAt', string.format('%.0f', one), 'tokens', string.format('%.0f', left))
    -- When the bucket is full again it need not be kept.
    redis.call('PEXPIRE', KEYS[key], ms(math.max(1, math.ceil((limit - left) / rate)) * span))
  else
    local arrival = math.max(one + cost * span, now * 1000)
    if arrival > now * 1000 then
      redis.call('SET', KEYS[key], string.format('%.0f', arrival), 'PX', ms((arrival - now * 1000) / 1000))
    elseif values[key] then
      redis.call('DEL', KEYS[key])
    end
  end
end
return reply
