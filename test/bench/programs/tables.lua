-- SPDX-License-Identifier: MIT
--
-- Tables, closures and strings under a garbage collector.
--
-- Usage: tables.lua ROUNDS

local rounds = tonumber(arg[1])
local kept = {}

local function tree(depth)
	if depth == 0 then
		return { leaf = tostring(depth) }
	end
	return { left = tree(depth - 1), right = tree(depth - 1), depth = depth }
end

local function count(node)
	if node.leaf then
		return 1
	end
	return count(node.left) + count(node.right)
end

local total = 0
for round = 1, rounds do
	total = total + count(tree(11))
	local parts = {}
	for i = 1, 2000 do
		parts[#parts + 1] = string.format("%d-%d", round, i * i)
	end
	local text = table.concat(parts, ";")
	kept[round % 40] = text:gsub("%d+%-", "")
	for word in text:gmatch("%d+%-(%d+)") do
		kept[word] = (kept[word] or 0) + 1
	end
end
print(total, #kept)
