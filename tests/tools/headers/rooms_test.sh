#!/usr/bin/env bash
# Sees that `rooms` finds an include from a later folder of a layer, and that the tree has none.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

fail() {
  printf 'rooms_test: %s\n' "$@" >&2
  exit 1
}

if ! command -v python3 >/dev/null; then
  echo "SKIPPED: the includes inside layers are not looked at: there is no python3"
  exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p layer/base/deep layer/cuda
printf '# A layer.\n#\n# Include order: base, .,\n# cuda.\n' >layer/BUILD
echo '#include "layer/base/deep/text.h"' >layer/tensor.h
echo '#include "layer/tensor.h"' >layer/cuda/pool.cc
echo '#include "other/cuda/pool.h"' >layer/base/deep/text.h
"$here/rooms" layer || fail "includes in the stated order are found wrong"

echo '#include "layer/tensor.h"' >>layer/base/deep/text.h
found=$("$here/rooms" layer) && fail "a wrong include is not found:" "$found"
grep -qxF "layer/base/deep/text.h includes layer/tensor.h: 'base' stands before '.'" \
  <<<"$found" || fail "the wrong include is not named:" "$found"

echo '# A layer.' >layer/BUILD
! "$here/rooms" layer 2>/dev/null || fail "a layer that states no order passes"

cd "$here/../../.."
tests/tools/headers/rooms core ops optim parallel models || fail "the order is stated in LAYER/BUILD"
