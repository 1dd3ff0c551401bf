# SPDX-License-Identifier: MIT
# Arrays, substitutions, subshells and pipes in bash.
declare -A table
for ((i = 0; i < 4000; i++)); do
	key=k$((i * 7919 % 1013))
	table[$key]+=$i,
	list[i]=${key/k/value-}
	((i % 500)) || list=("${list[@]: -200}")
done
echo "${#table[@]} keys, ${#list[@]} values"
for key in $(printf '%s\n' "${!table[@]}" | sort | head -5); do
	echo "$key ${#table[$key]} ${table[$key]%%,*}"
done
text=$(printf '%0200000d' 7)
echo "${#text} ${text: -3}"
for ((i = 0; i < 40; i++)); do
	(echo "subshell $i: $(echo "$i" | tr 0-9 a-j)")
done | sort | cksum
