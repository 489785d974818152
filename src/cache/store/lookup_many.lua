-- Looks entries up. KEYS: the stamps of the namespace, the entries.
-- Returns the time of the server in µs, and each entry if nothing has invalidated it.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stamps = {}
local function stamp(name)
  if stamps[name] == nil then
    stamps[name] = tonumber(redis.call('HGET', KEYS[1], name) or 0)
  end
  return stamps[name]
end
local found = {string.format('%.0f', now)}
for at = 2, #KEYS do
  local entry = redis.call('GET', KEYS[at])
  if entry then
    local created, tags = string.match(entry, '^1 (%d+) %d+ %d+ %d+ %d+ %d+ ([^\n]*)\n')
    if not created or stamp('') >= tonumber(created) then
      entry = false
    else
      for tag in string.gmatch(tags, '%S+') do
        if entry and stamp(tag) >= tonumber(created) then
          entry = false
        end
      end
    end
  end
  found[at] = entry
end
return found
