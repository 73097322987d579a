#!/usr/bin/env bash
# Sees that `names` finds what is declared twice, and nothing else, and that the tree has none.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

fail() {
  printf 'names_test: %s\n' "$@" >&2
  exit 1
}

if ! command -v python3 >/dev/null; then
  echo "SKIPPED: the headers' names are not looked at: there is no python3"
  exit 0
fi

found=$(./names fixture/clash) && fail "clashes are not found, or the status is 0:" "$found"
for name in FrameReader Shape Split kLimit softmax 'Describe(const Shape &, int)'; do
  grep -qxF "convoy::$name is declared in fixture/clash/data.h and in fixture/clash/frames.h" \
    <<<"$found" || fail "'$name' is not found:" "$found"
done
grep -q ', 6 declared twice$' <<<"$found" || fail "there are more than 6:" "$found"

./names fixture/fine || fail "what is no clash is taken for one"
! ./names fixture/none 2>/dev/null || fail "a folder without headers passes"

cd ../../..
tests/tools/headers/names core models ops optim parallel tools ||
  fail "give one of each a namespace of its own, or another name"
