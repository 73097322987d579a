# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by gpu_check: where PyTorch and the CUDA libraries are on a machine that nobody has prepared.
# Reads $python and $cuda_libs (what the user gave), $torch_python (what find_python found), $libraries
# (file names) and $work (a folder).

find_python() {
  local candidate
  for candidate in "$python" python3 python "${VIRTUAL_ENV:-/nowhere}/bin/python" \
    /opt/conda/bin/python /opt/venv/bin/python /venv/bin/python /usr/local/bin/python3 \
    /usr/bin/python3 "${HOME:-/root}"/{venv,.venv,miniconda3,miniforge3}/bin/python; do
    [[ -n $candidate ]] && command -v "$candidate" >/dev/null 2>&1 || continue
    if timeout 20 "$candidate" -c 'import importlib.util, sys
sys.exit(importlib.util.find_spec("torch") is None)' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
    [[ -z $python ]] || break  # the one asked for, and no other
  done
}

# Folders that may hold the CUDA libraries, likely ones first.
library_folders() {
  tr ':' '\n' <<<"$cuda_libs:${CONVOY_CUDA_LIBS:-}"
  if [[ -n $torch_python ]]; then
    timeout 60 "$torch_python" -c 'import glob, importlib.util, os, site, sys
roots = set(sys.path) | set(getattr(site, "getsitepackages", lambda: [])())
spec = importlib.util.find_spec("torch")
if spec and spec.origin: roots.add(os.path.dirname(os.path.dirname(spec.origin)))
for root in sorted(roots):
    for place in sorted(glob.glob(os.path.join(root, "nvidia", "*", "lib"))) + [os.path.join(root, "torch", "lib")]:
        if os.path.isdir(place): print(place)' 2>/dev/null
  fi
  ls -d /usr/local/cuda/lib64 /usr/local/cuda*/lib64 /usr/lib/x86_64-linux-gnu 2>/dev/null
}

# Sets lib_path; tells what is missing in missing.
find_libraries() {
  local library folder found
  lib_path='' missing=''
  library_folders | awk 'NF && !seen[$0]++' >"$work/folders"
  for library in "${libraries[@]}"; do
    found=
    while read -r folder; do
      [[ -e $folder/$library ]] && { found=$folder; break; }
    done <"$work/folders"
    if [[ -z $found ]]; then
      # One walk over the disk for all of them, likely places first; line by line, to be cut off.
      [[ -e $work/found ]] || timeout 30 stdbuf -oL find /opt /usr / -xdev \( -path /proc -o -path /sys \) -prune -o \
        \( -name "${libraries[0]}" -o -name "${libraries[1]}" -o -name "${libraries[2]}" \) -print \
        >"$work/found" 2>/dev/null
      found=$(grep -m 1 "/$library\$" "$work/found")
      found=${found%/*}
    fi
    if [[ -z $found ]]; then
      missing+=" $library"
    elif [[ :$lib_path: != *":$found:"* ]]; then
      lib_path+=${lib_path:+:}$found
    fi
  done
}
