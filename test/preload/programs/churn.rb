# SPDX-License-Identifier: MIT
# Hashes, strings, arrays and threads under Ruby's collector.
words = Hash.new { |hash, key| hash[key] = +"" }
100_000.times do |i|
  key = "k#{i * 7919 % 20011}"
  words[key] << (97 + i % 26).chr
  words.delete(key) if words[key].size > 20
end
puts words.size, words.keys.min, words.values.map(&:size).sum

text = words.map { |key, value| "#{key}=#{value}" }.sort.join("&")
puts text.size, text.scan(/k1\d+/).size, text.gsub(/[aeiou]/, "").size

sums = (1..6).map do |n|
  Thread.new do
    (1..5_000).map { |i| "#{n}:#{i}" * (i % 5) }.join.bytes.sum
  end
end
puts sums.map(&:value).inspect

tree = ->(depth) { depth.zero? ? [] : [tree[depth - 1], tree[depth - 1]] }
5.times { print tree[12].flatten.size, " " }
puts
