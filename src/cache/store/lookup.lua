-- Looks an entry up, and takes the lease of its computation if there is none that is fresh.
-- KEYS: the stamps of the namespace, the entry, the lease. ARGV: the name of the lease; its life in ms; the version
-- of entries; the part of its life after which an entry is no longer fresh, or nothing for all of it.
-- Returns the time of the server in µs, the entry if nothing has invalidated it, and whether the lease is taken.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local entry = redis.call('GET', KEYS[2])
local fresh = false
if entry then
  local created, fresh_until, version, tags = string.match(entry, '^1 (%d+) (%d+) %d+ %d+ %d+ (%d+) ([^\n]*)\n')
  if created and version == ARGV[3] then
    local names = {''}
    for tag in string.gmatch(tags, '%S+') do
      names[#names + 1] = tag
    end
    for _, stamp in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
      if stamp and tonumber(stamp) >= tonumber(created) then
        entry = false
      end
    end
    local due = tonumber(fresh_until)
    if ARGV[4] ~= '' then
      due = tonumber(created) + (due - tonumber(created)) * tonumber(ARGV[4])
    end
    fresh = entry and now < due
  else
    entry = false
  end
end
local leads = 0
if not fresh then
  -- A lookup that is repeated after a lost answer finds its own lease.
  if redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[3]) == ARGV[1] then
    leads = 1
  end
end
return {string.format('%.0f', now), entry, leads}
