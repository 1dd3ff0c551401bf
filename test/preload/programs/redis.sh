# SPDX-License-Identifier: MIT
# A redis server on a unix socket in a new directory: commands, a benchmark,
# a background save (which forks), and a restart from the saved file.
set -e
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
cli() { redis-cli -s "$dir/socket" "$@"; }

start() {
	redis-server --port 0 --unixsocket "$dir/socket" --dir "$dir" \
		--save '' --daemonize no --activedefrag no >"$dir/log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		cli ping >/dev/null 2>&1 && return
		sleep 0.1
	done
	cat "$dir/log"
	return 1
}

start
redis-benchmark -s "$dir/socket" -q -n 20000 -c 20 -P 8 -r 5000 -d 300 \
	-t set,get,lpush,lpop,sadd,hset,zadd >/dev/null
cli flushall
for i in $(seq 400); do
	echo "set key:$i $(printf "%0$((i * 5))d" "$i")"
	echo "rpush list $i"
	echo "hset hash field:$i value:$i"
	echo "zadd zset $((i * 7919 % 1009)) member:$i"
done | cli >/dev/null
cli append key:7 "$(printf %030000d 1)"
cli dbsize
cli save
cli bgsave >/dev/null
for _ in $(seq 100); do
	[ "$(cli info persistence | grep -c rdb_bgsave_in_progress:0)" = 1 ] &&
		break
	sleep 0.1
done
cli info persistence | tr -d '\r' | grep rdb_last_bgsave_status
cli shutdown nosave || true
wait "$pid" || true
start
cli dbsize
cli get key:399
cli zrange zset 0 5
cli hget hash field:123
cli debug reload 2>&1
cli lrange list 395 -1
cli shutdown nosave || true
wait "$pid"
echo "server ended with $?"
