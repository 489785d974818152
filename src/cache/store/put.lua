-- Stores entries. KEYS: entry and lease of each. ARGV: the channel and the message of the change, or '-'; then, of
-- each: the name of the lease, or '-'; the time of its creation in µs, or '-' for now; its lives in ms: fresh,
-- stale while it is refreshed, stale if that fails, in all; the form of the payload; the version; the tags; the payload.
-- An entry whose lease is another's is not stored. Returns how many are.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stored = 0
for at = 1, #KEYS / 2 do
  local entry, lease, arg = KEYS[at * 2 - 1], KEYS[at * 2], (at - 1) * 10 + 2
  if ARGV[arg + 1] == '-' or redis.call('GET', lease) == ARGV[arg + 1] then
    local created = tonumber(ARGV[arg + 2]) or now
    local function ends(ms)
      return string.format('%.0f', now + tonumber(ms) * 1000)
    end
    local header = table.concat({
      '1', string.format('%.0f', created), ends(ARGV[arg + 3]), ends(ARGV[arg + 4]), ends(ARGV[arg + 5]),
      ARGV[arg + 7], ARGV[arg + 8], ARGV[arg + 9],
    }, ' ')
    redis.call('SET', entry, header .. '\n' .. ARGV[arg + 10], 'PX', ARGV[arg + 6])
    redis.call('DEL', lease)
    stored = stored + 1
  else
    -- A call that is repeated after a lost answer finds what it has stored.
    local before = redis.call('GET', entry) or ''
    local created = string.match(before, '^1 (%d+) ')
    if created == ARGV[arg + 2] and string.sub(before, -#ARGV[arg + 10] - 1) == '\n' .. ARGV[arg + 10] then
      stored = stored + 1
    end
  end
end
if ARGV[1] ~= '-' and stored > 0 then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return stored
