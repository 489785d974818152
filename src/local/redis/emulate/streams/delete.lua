-- ARGV: what becomes of references, whether a group acknowledges, that group, the error for an ID that is none, IDs.
-- An ID that is none is empty.
local key, policy, acknowledges, group = KEYS[1], ARGV[1], ARGV[2] == '1', ARGV[3]
local length = redis.pcall('XLEN', key)
if type(length) == 'table' then return length end

local groups = {}
if redis.call('EXISTS', key) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local found = {}
    for i = 1, #info, 2 do found[info[i]] = info[i + 1] end
    groups[found.name] = found['last-delivered-id']
  end
end

-- Compares decimal numbers of any length.
local function is_greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

local function is_after(a, b)
  local a_time, a_number = a:match('(%d+)-(%d+)')
  local b_time, b_number = b:match('(%d+)-(%d+)')
  if a_time ~= b_time then return is_greater(a_time, b_time) end
  return is_greater(a_number, b_number)
end

-- Whether a group has still to read the entry, or to acknowledge it.
local function is_needed(id)
  for name, last in pairs(groups) do
    if is_after(id, last) or #redis.call('XPENDING', key, name, id, id, 1) > 0 then return true end
  end
  return false
end

local function remove(id)
  if policy == 'ACKED' and is_needed(id) then return 2 end
  if policy == 'DELREF' then
    for name in pairs(groups) do redis.call('XACK', key, name, id) end
  end
  return redis.call('XDEL', key, id)
end

-- Redis looks at IDs only if there may be such entries.
local has_entries = redis.call('EXISTS', key) == 1 and (groups[group] or not acknowledges)
for i = 5, #ARGV do
  if has_entries and ARGV[i] == '' then return { err = ARGV[4] } end
end

local replies = {}
for i = 5, #ARGV do
  local id, reply = ARGV[i], -1
  if not has_entries then
    reply = -1
  elseif acknowledges and redis.call('XACK', key, group, id) == 1 then
    reply = math.max(remove(id), 1)
  elseif not acknowledges or not is_after(id, groups[group]) then
    -- Not pending, and up to the last one delivered: Upstash deletes what was acknowledged before, Redis does not.
    reply = remove(id)
    if reply == 0 then reply = -1 end
  end
  replies[#replies + 1] = reply
end
return replies
