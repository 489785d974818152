-- ARGV: the name of the command, and what follows its key.
local failure = open(KEYS[1])
if failure then return failure end
local name = ARGV[1]

-- In parts, because Lua takes only some thousand arguments at once. Only commands that add up have that many.
local PART = 4000
local function run(last)
  local whole
  local from = 2
  repeat
    local part = redis.pcall(name, key, unpack(ARGV, from, math.min(from + PART - 1, last)))
    if whole == nil then
      whole = part
    elseif type(part) == 'number' then
      whole = whole + part
    elseif not part.ok then
      for i = 1, #part do whole[#whole + 1] = part[i] end
    end
    from = from + PART
  until from > last or type(whole) == 'table' and whole.err
  return whole
end

-- What is left of fields, each in `width` items, without the hidden one.
local function visible(items, width)
  local kept = {}
  for i = 1, #items, width do
    if items[i] ~= HIDDEN then
      for j = i, i + width - 1 do kept[#kept + 1] = items[j] end
    end
  end
  return kept
end

local reply = run(#ARGV)
if not next(deadlines) or type(reply) == 'table' and reply.err then return reply end

if name == 'HSET' or name == 'HMSET' then
  for i = 2, #ARGV, 2 do set_deadline(ARGV[i], nil) end
elseif name == 'HDEL' then
  for i = 2, #ARGV do set_deadline(ARGV[i], nil) end
elseif name == 'HLEN' then
  reply = reply - 1
elseif name == 'HKEYS' then
  reply = visible(reply, 1)
elseif name == 'HGETALL' then
  reply = visible(reply, 2)
elseif name == 'HVALS' then
  local pairs = visible(redis.call('HGETALL', key), 2)
  reply = {}
  for i = 2, #pairs, 2 do reply[#reply + 1] = pairs[i] end
elseif name == 'HSCAN' then
  reply[2] = visible(reply[2], 2)
elseif name == 'HRANDFIELD' and #ARGV == 1 then
  while reply == HIDDEN do reply = redis.call('HRANDFIELD', key) end
elseif name == 'HRANDFIELD' then
  local count, width = tonumber(ARGV[2]), #ARGV - 1
  if count < 0 then
    reply = visible(reply, width)
    while #reply < -count * width do
      local more = visible(redis.call('HRANDFIELD', key, count + #reply / width, unpack(ARGV, 3)), width)
      for i = 1, #more do reply[#reply + 1] = more[i] end
    end
  else
    -- One more than wanted, of which either the hidden field or any other goes.
    count = math.min(count, redis.call('HLEN', key) - 1)
    reply = visible(redis.call('HRANDFIELD', key, count + 1, unpack(ARGV, 3)), width)
    if #reply > count * width then
      math.randomseed(tonumber(time[2]))
      local at = math.random(0, count) * width + 1
      for _ = 1, width do table.remove(reply, at) end
    end
  end
end
close()
return reply
