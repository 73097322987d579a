# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by gpu_check: the benchmark beside PyTorch, and the scaling benchmark. Uses gpu_check's run,
# check, note and last_line with what they set, and its options; fills its tables rate, first_step and
# step_ms.

json_field() { sed -nE "s/.*\"$1\":([0-9.e+-]+).*/\1/p" "$2" | tail -n 1; }

# convoy KEY NAME LIMIT ARGS...: sets rate[KEY], first_step[KEY] and step_ms[KEY].
convoy() {
  local key=$1 name=$2 limit=$3
  shift 3
  run "$name" "$limit" tools/bench/train_step "$@" --device cuda --json || return 0
  if ((status != 0)); then
    note "$name" FAIL "$took" "exit status $status: $(last_line)"
    return 0
  fi
  rate[$key]=$(json_field tokens_per_s "$log")
  first_step[$key]=$(json_field first_step_s "$log")
  step_ms[$key]=$(json_field step_ms "$log")
  note "$name" PASS "$took" "$(printf '%.0f tokens/s, %.3f ms/step, mfu %s, first step %.2f s, %.0f MiB, %s waits/step' \
    "${rate[$key]}" "${step_ms[$key]}" "$(json_field mfu "$log")" "${first_step[$key]}" \
    "$(json_field tensors_peak_mib "$log")" "$(json_field host_waits_per_step "$log")")"
}

# torch KEY NAME LIMIT ARGS...: sets rate[KEY] and step_ms[KEY].
torch() {
  local key=$1 name=$2 limit=$3
  shift 3
  run "$name" "$limit" "$torch_python" torch_train.py "$@" --device cuda || return 0
  if ((status != 0)); then
    note "$name" FAIL "$took" "exit status $status: $(last_line)"
    return 0
  fi
  rate[$key]=$(sed -nE 's/.* ([0-9.]+) tokens\/s.*/\1/p' "$log" | tail -n 1)
  step_ms[$key]=$(sed -nE 's/.* ([0-9.]+) ms\/step.*/\1/p' "$log" | tail -n 1)
  note "$name" PASS "$took" "$(printf '%.0f tokens/s, %.3f ms/step' "${rate[$key]:-0}" "${step_ms[$key]:-0}")"
}

# goal NAME VALUE LEAST TEXT: a line of the table; MISS if VALUE is less than LEAST.
goal() {
  local name=$1 value=$2 least=$3 text=$4
  if awk -v v="$value" -v l="$least" 'BEGIN {exit !(v >= l)}'; then
    note "$name" PASS 0 "$text"
  else
    note "$name" MISS 0 "$text"
  fi
}

run_benchmark() {
  local steps=40 torch_why='' ratio
  if ((rehearsal == 1)); then
    convoy gpt2 "bench gpt2 (as gpt_cpu), graph" 120 gpt_cpu --dtype bf16 --steps 2 --warmup 4 --cuda-graph
    convoy gpt2_eager "bench gpt2 (as gpt_cpu), eager" 120 gpt_cpu --dtype bf16 --steps 2 --warmup 1
    steps=2
  else
    convoy gpt2 "bench gpt2 bf16, graph" 60 gpt2 --dtype bf16 --batch "$batch" --steps "$steps" --cuda-graph
    convoy gpt2_eager "bench gpt2 bf16, eager" 60 gpt2 --dtype bf16 --batch "$batch" --steps "$steps"
  fi
  convoy small "bench gpt_cpu f32, graph" 60 gpt_cpu --steps $((steps * 10)) --cuda-graph
  convoy small_eager "bench gpt_cpu f32, eager" 60 gpt_cpu --steps $((steps * 5))
  if [[ -z $torch_python ]]; then
    torch_why="no Python with PyTorch found; give --python"
  elif ! timeout 30 "$torch_python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' \
    >/dev/null 2>&1; then
    torch_why="PyTorch of $torch_python sees no GPU"
  fi
  if [[ -n $torch_why ]]; then
    note "PyTorch" SKIP 0 "$torch_why"
  else
    torch torch_small "PyTorch gpt_cpu f32, eager" 60 gpt_cpu --steps 200
    torch torch_eager "PyTorch gpt2 bf16, eager" 60 gpt2 --dtype bf16 --batch "$batch" --steps 20
    if ((quick == 1)); then
      note "PyTorch gpt2 bf16, compiled" SKIP 0 "--quick"
    else
      torch torch_compiled "PyTorch gpt2 bf16, compiled" 150 gpt2 --dtype bf16 --batch "$batch" --steps 20 \
        --compile
    fi
  fi
  ((rehearsal == 0)) || return 0
  [[ -z ${rate[gpt2]:-} ]] ||
    goal "goal: gpt2 over 500,000 tokens/s" "${rate[gpt2]}" 500000 "$(printf '%.0f' "${rate[gpt2]}")"
  ratio=$(awk -v a="${rate[gpt2]:-0}" -v b="${rate[torch_compiled]:-0}" 'BEGIN {if (b > 0) printf "%.2f", a / b}')
  [[ -z $ratio ]] || goal "goal: 1.15 x compiled PyTorch" "$ratio" 1.15 "$ratio x"
  ratio=$(awk -v a="${rate[small]:-0}" -v b="${rate[torch_small]:-0}" 'BEGIN {if (b > 0) printf "%.2f", a / b}')
  [[ -z $ratio ]] || goal "goal: gpt_cpu 5 x eager PyTorch" "$ratio" 5 "$ratio x"
  [[ -z ${first_step[gpt2_eager]:-} ]] ||
    goal "goal: first step within 3 s" "$(awk -v s="${first_step[gpt2_eager]}" 'BEGIN {print 3 / (s + 1e-9)}')" 1 \
      "${first_step[gpt2_eager]} s"
}

# The collectives and a training step over all GPUs that there are. With one they still show that
# every phase is told apart on a real stream.
run_scaling() {
  local bytes=256M model=(--model gpt2 --dtype bf16 --steps 20 --rounds 4)
  if ((rehearsal == 1)); then
    bytes=64K
    model=(--model mlp --steps 4 --rounds 2)
  fi
  check "allreduce to $bytes, f32" 60 tools/collectives/allreduce --device cuda --minbytes 8K \
    --maxbytes "$bytes" --stepfactor 8 --json "$out/allreduce.json"
  check "scaling_bench ${model[1]}" 120 tools/scaling/scaling_bench --device cuda "${model[@]}" \
    --json "$out/scaling.json" --html "$out/scaling.html" --timeline "$out/timeline.json" \
    --save-profile "$out/profile.toml"
}
