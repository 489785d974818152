-- TYPE, if a hash may be a document.
local kind = redis.call('TYPE', KEYS[1])
if kind.ok == 'hash' and redis.call('HEXISTS', KEYS[1], '\0json') == 1 then
  return redis.status_reply('ReJSON-RL')
end
return kind
