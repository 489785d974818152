-- KEYS: where the range goes, and of what it is. ARGV: its ends, the limit's offset and count, and REV or nothing.
local size = redis.pcall('ZCARD', KEYS[2])
if type(size) == 'table' then return size end
local from, to, offset, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if from < 0 then from = math.max(0, from + size) end
if to < 0 then to = to + size end
from, to = from + offset, math.min(to, size - 1)
if count >= 0 then to = math.min(to, from + count - 1) end
-- Nothing, for Redis.
if offset < 0 or to < from then from, to = 1, 0 end
return redis.call('ZRANGESTORE', KEYS[1], KEYS[2], from, to, unpack(ARGV, 5))
