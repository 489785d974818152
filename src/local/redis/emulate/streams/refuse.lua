-- ARGV: an error. That for a key of another type comes before it.
local length = redis.pcall('XLEN', KEYS[1])
if type(length) == 'table' then return length end
return { err = ARGV[1] }
