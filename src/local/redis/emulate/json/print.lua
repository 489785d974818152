-- Nodes to JSON text.
local QUOTED = {
  ['"'] = '\\"', ['\\'] = '\\\\', ['\b'] = '\\b', ['\f'] = '\\f', ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t',
}

local function quote(text)
  -- %z stands for NUL, which Lua's patterns do not have otherwise.
  return '"' .. text:gsub('[%z\1-\31"\\]', function(c)
    return QUOTED[c] or format('\\u%04x', byte(c))
  end) .. '"'
end

-- `layout` has what each level is indented by, what ends a line, and what is before a value.
local function print_node(node, layout, depth, out)
  local t = node.t
  if t == 'o' or t == 'a' then
    local items, open, close = t == 'o' and node.k or node, t == 'o' and '{' or '[', t == 'o' and '}' or ']'
    out[#out + 1] = open
    for i = 1, #items do
      out[#out + 1] = (i > 1 and ',' or '') .. layout.newline .. layout.indent:rep(depth + 1)
      if t == 'o' then
        out[#out + 1] = quote(items[i]) .. ':' .. layout.space
        print_node(node.v[items[i]], layout, depth + 1, out)
      else
        print_node(items[i], layout, depth + 1, out)
      end
    end
    if #items > 0 then out[#out + 1] = layout.newline .. layout.indent:rep(depth) end
    out[#out + 1] = close
  elseif t == 's' then
    out[#out + 1] = quote(node.s)
  elseif t == 'n' then
    out[#out + 1] = node.s
  elseif t == 'b' then
    out[#out + 1] = node.b and 'true' or 'false'
  else
    out[#out + 1] = 'null'
  end
end

local COMPACT = { indent = '', newline = '', space = '' }

local function print(node, layout)
  local out = {}
  print_node(node, layout or COMPACT, 0, out)
  return concat(out)
end

-- A list of nodes, none of which knows that it is in one.
local function list_of(nodes)
  local list = { t = 'a' }
  for i = 1, #nodes do list[i] = nodes[i] end
  return list
end
