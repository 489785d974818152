-- Sums and products of integers, exact to 64 bits, by seven decimal digits at a time.
local LIMB, DIGITS = 10000000, 7

local function limbs(text)
  local negative, digits = text:match('^(-?)0*(%d+)$')
  local number = { negative = negative == '-' }
  for stop = #digits, 1, -DIGITS do
    number[#number + 1] = tonumber(sub(digits, math.max(1, stop - DIGITS + 1), stop))
  end
  return number
end

local function text_of(number)
  local parts = {}
  for i = #number, 1, -1 do parts[#parts + 1] = format('%07d', number[i]) end
  local digits = concat(parts):match('^0*(%d+)$')
  return (number.negative and digits ~= '0' and '-' or '') .. digits
end

local function larger(a, b)
  for i = math.max(#a, #b), 1, -1 do
    if (a[i] or 0) ~= (b[i] or 0) then return (a[i] or 0) > (b[i] or 0) end
  end
  return true
end

local function add(a, b)
  local sign = 1
  if a.negative ~= b.negative then
    sign = -1
    if not larger(a, b) then a, b = b, a end
  end
  local sum, carry = { negative = a.negative }, 0
  for i = 1, math.max(#a, #b) + 1 do
    local limb = (a[i] or 0) + sign * (b[i] or 0) + carry
    carry = floor(limb / LIMB)
    sum[i] = limb - carry * LIMB
  end
  return sum
end

local function multiply(a, b)
  local product = { negative = a.negative ~= b.negative }
  for i = 1, #a + #b do product[i] = 0 end
  for i = 1, #a do
    local carry = 0
    for j = 1, #b + 1 do
      local limb = product[i + j - 1] + a[i] * (b[j] or 0) + carry
      carry = floor(limb / LIMB)
      product[i + j - 1] = limb - carry * LIMB
    end
  end
  return product
end

local LOWEST, HIGHEST = limbs('9223372036854775808'), limbs('9223372036854775807')

-- A float as the shortest text that is read as the same number, and always as a float; as RedisJSON writes it.
local function float_text(number)
  if number ~= number or number == math.huge or number == -math.huge then
    refuse('ERR result is not a number or is out of range')
  end
  local sign, digits, exponent
  for precision = 0, 16 do
    local text = format('%.' .. precision .. 'e', number)
    if tonumber(text) == number then
      sign, digits, exponent = text:match('^(-?)([%d.]+)e([-+]%d+)$')
      break
    end
  end
  exponent, digits = tonumber(exponent), digits:gsub('%.', '')
  -- How many of the digits are before the point.
  local point = exponent + 1
  if point > 16 or point <= -5 then
    local fraction = #digits > 1 and '.' .. sub(digits, 2) or ''
    return sign .. sub(digits, 1, 1) .. fraction .. 'e' .. exponent
  end
  if point <= 0 then return sign .. '0.' .. ('0'):rep(-point) .. digits end
  digits = digits .. ('0'):rep(point + 1 - #digits)
  return sign .. sub(digits, 1, point) .. '.' .. sub(digits, point + 1)
end

local function calculate(operation, a, b)
  if find(a, '^-?%d+$') and find(b, '^-?%d+$') then
    local exact = (operation == 'add' and add or multiply)(limbs(a), limbs(b))
    if larger(exact.negative and LOWEST or HIGHEST, exact) then return text_of(exact) end
  end
  if operation == 'add' then return float_text(tonumber(a) + tonumber(b)) end
  return float_text(tonumber(a) * tonumber(b))
end
