-- SPDX-License-Identifier: MIT
-- Tables, strings, closures and coroutines; the collector runs throughout.
local words, text = {}, {}
for i = 1, 120000 do
	local key = "k" .. (i * 7919 % 20011)
	words[key] = (words[key] or "") .. string.char(97 + i % 26)
	if #words[key] > 20 then words[key] = nil end
	if i % 5 == 0 then text[#text + 1] = key:rep(i % 7) end
end
local keys = {}
for key in pairs(words) do keys[#keys + 1] = key end
table.sort(keys)
print(#keys, keys[1], keys[#keys], #table.concat(text))

local function tree(depth)
	if depth == 0 then return {} end
	return { tree(depth - 1), tree(depth - 1) }
end
local function count(node)
	local n = 1
	for _, child in ipairs(node) do n = n + count(child) end
	return n
end
for _ = 1, 10 do io.write(count(tree(13)), " ") end
print()

local producers = {}
for i = 1, 500 do
	producers[i] = coroutine.wrap(function()
		for j = 1, 20 do coroutine.yield(("%d"):rep(j, ","):format(
			table.unpack(setmetatable({}, { __index = function()
				return i end }), 1, j))) end
	end)
end
local bytes = 0
for _ = 1, 20 do
	for _, producer in ipairs(producers) do bytes = bytes + #producer() end
end
print(bytes)
