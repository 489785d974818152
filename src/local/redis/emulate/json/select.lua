-- What a path selects. A match is the node, and where it is: its parent, and its name there.
local matches_of

local function equal(a, b)
  if a.t ~= b.t then return false end
  if a.t == 'n' then return a.s == b.s or tonumber(a.s) == tonumber(b.s) end
  if a.t == 's' then return a.s == b.s end
  if a.t == 'b' then return a.b == b.b end
  if a.t == 'a' then
    if #a ~= #b then return false end
    for i = 1, #a do
      if not equal(a[i], b[i]) then return false end
    end
  elseif a.t == 'o' then
    if #a.k ~= #b.k then return false end
    for name, node in pairs(a.v) do
      if not b.v[name] or not equal(node, b.v[name]) then return false end
    end
  end
  return true
end

local function less(a, b)
  if a.t ~= b.t then return false end
  if a.t == 'n' then return tonumber(a.s) < tonumber(b.s) end
  return a.t == 's' and a.s < b.s
end

local function operand(of, node, root)
  if of.v then return of.v end
  local found = matches_of(of.r and root or node, of.p, root)
  return found[1] and found[1].node
end

-- Whether a node meets a condition.
local function meets(e, node, root)
  if e.o == 'or' then return meets(e.a, node, root) or meets(e.b, node, root) end
  if e.o == 'and' then return meets(e.a, node, root) and meets(e.b, node, root) end
  if e.o == 'not' then return not meets(e.a, node, root) end
  if e.o == 'has' then return #matches_of(e.a.r and root or node, e.a.p, root) > 0 end
  local a, b = operand(e.a, node, root), operand(e.b, node, root)
  if not a or not b then return e.o == '!=' and (a or b) ~= nil end
  if e.o == '==' then return equal(a, b) end
  if e.o == '!=' then return not equal(a, b) end
  if e.o == '<' then return less(a, b) end
  if e.o == '>' then return less(b, a) end
  if e.o == '<=' then return less(a, b) or equal(a, b) end
  return less(b, a) or equal(a, b)
end

local function children(node)
  local found = {}
  if node.t == 'o' then
    for _, name in ipairs(node.k) do found[#found + 1] = { node = node.v[name], parent = node, name = name } end
  elseif node.t == 'a' then
    for _, item in ipairs(node) do found[#found + 1] = { node = item, parent = node } end
  end
  return found
end

local function item(node, index, found)
  if index < 0 then index = #node + index end
  if node[index + 1] then found[#found + 1] = { node = node[index + 1], parent = node } end
end

-- From `from` on and before `to`, as in Python.
local function slice(node, step, found)
  local by, length = step.c or 1, #node
  local function bound(index, missing)
    if not index then return missing end
    if index < 0 then index = index + length end
    if by > 0 then return math.max(0, math.min(index, length)) end
    return math.max(-1, math.min(index, length - 1))
  end
  local from, to
  if by > 0 then
    from, to = bound(step.a, 0), bound(step.b, length) - 1
  else
    from, to = bound(step.a, length - 1), bound(step.b, -1) + 1
  end
  for index = from, to, by do item(node, index, found) end
end

local function apply(node, step, root, found)
  if step.k == '*' then
    for _, child in ipairs(children(node)) do found[#found + 1] = child end
  elseif step.k == 'c' then
    if node.t == 'o' and node.v[step.n] then
      found[#found + 1] = { node = node.v[step.n], parent = node, name = step.n }
    end
  elseif step.k == 'i' then
    if node.t == 'a' then item(node, step.n, found) end
  elseif step.k == 's' then
    if node.t == 'a' then slice(node, step, found) end
  elseif step.k == 'u' then
    for _, part in ipairs(step.p) do apply(node, part, root, found) end
  elseif node.t == 'a' or node.t == 'o' then
    for _, child in ipairs(children(node)) do
      if meets(step.e, child.node, root) then found[#found + 1] = child end
    end
  end
end

-- The deepest first, as Upstash has it.
local function descend(node, step, root, found)
  for _, child in ipairs(children(node)) do descend(child.node, step, root, found) end
  apply(node, step, root, found)
end

function matches_of(node, steps, root)
  local matches = { { node = node } }
  for _, step in ipairs(steps) do
    local found = {}
    for _, match in ipairs(matches) do
      if step.d then
        descend(match.node, step, root, found)
      else
        apply(match.node, step, root, found)
      end
    end
    matches = found
  end
  return matches
end

local function place(array, node)
  for i = 1, #array do
    if array[i] == node then return i end
  end
end

local function put(match, node)
  if match.parent.t == 'o' then
    match.parent.v[match.name] = node
  else
    match.parent[place(match.parent, match.node)] = node
  end
end

-- Says whether it was still there.
local function take_out(match)
  local parent = match.parent
  if parent.t == 'o' then
    if parent.v[match.name] ~= match.node then return false end
    parent.v[match.name] = nil
    remove(parent.k, place(parent.k, match.name))
    return true
  end
  local index = place(parent, match.node)
  if index then remove(parent, index) end
  return index ~= nil
end
