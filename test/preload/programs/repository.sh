# SPDX-License-Identifier: MIT
# Builds a git repository in a new directory, packs and checks it. Dates and
# names are fixed, so that every object has the same name in each run.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME=$dir GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example.org
export GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example.org

git -c init.defaultBranch=main init -q
for i in $(seq 60); do
	seq $((i * 37)) $((i * 37 + 3000)) >"numbers-$((i % 7))"
	seq -s ' ' "$i" $((i * 20)) >"line-$i"
	export GIT_AUTHOR_DATE="$((1500000000 + i * 60)) +0000"
	export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	git add .
	git commit -q -m "commit $i"
done
git log --stat --format='%h %s' | cksum
git -c pack.threads=2 gc -q --aggressive --prune=now
git fsck --strict 2>&1
git rev-list --objects --all | cksum
git log -p --find-renames | cksum
git diff --stat HEAD~30 HEAD | tail -1
git blame numbers-3 | cksum
