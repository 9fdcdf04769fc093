#!/bin/bash
# Builds against an installed PyTorch, compares a device with the CPU, measures it beside PyTorch, and trains and resumes.
# Run in the root of a clone whose npm packages are there; needs no network. DEVICE=cpu tries the script itself.
# Usage: [PYTHON=python3] [DEVICE=cuda] [SECONDS_EACH=3] scripts/gpu-check.sh
set -u
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3} DEVICE=${DEVICE:-cuda} SECONDS_EACH=${SECONDS_EACH:-3} failed=0
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
step() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  timeout "${LIMIT:-120}" "$@" || { echo "FAILED $name"; failed=1; }
  echo "-- $name: $((SECONDS - start)) s"
}

LIBTORCH=$("$PYTHON" -c 'import os, torch; print(os.path.dirname(torch.__file__))') || exit 1
export LIBTORCH
LIMIT=300 step "native parts" node --input-type=module -e '
  import { spawnSync } from "node:child_process";
  import { findLibtorch } from "./scripts/find-libtorch.mjs";
  import { nativeBuild } from "./scripts/native-build.mjs";
  const { command, env } = nativeBuild(findLibtorch(), process.cwd());
  process.exit(spawnSync(command[0], command.slice(1), { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] }).status ?? 1);'
[ $failed = 0 ] || exit 1
step "what the device gives" bin/skyloop doctor --device "$DEVICE"

# Full float32 products, so that rounding alone is left.
compare_devices() {
  node --import tsx test/fixtures/on-device.ts > "$work/here.json" &&
    NVIDIA_TF32_OVERRIDE=0 SKYLOOP_DEVICE=$DEVICE node --import tsx test/fixtures/on-device.ts > "$work/there.json" &&
    node -e '
      const [here, there] = process.argv.slice(1).map((path) => JSON.parse(require("fs").readFileSync(path)).values);
      let worst = 0;
      for (const [name, values] of Object.entries(here)) {
        const largest = Math.max(...values.map(Math.abs));
        const apart = Math.max(...values.map((value, i) => Math.abs(value - there[name][i]) / largest));
        console.log(`${name}: ${apart.toExponential(1)} of the largest value`);
        // Networks that drop blocks at random draw them on the device.
        if (name !== "pretrain") worst = Math.max(worst, apart);
      }
      process.exit(worst < 1e-3 ? 0 : 1);' "$work/here.json" "$work/there.json"
}
resume_training() {
  for seconds in 60 20; do
    timeout -s INT $seconds bin/skyloop pretrain "$work/recipe.json" --out "$work/run" --device "$DEVICE" 2> "$work/log"
    tr '\r' '\n' < "$work/log" | grep -E 'steps' | tail -1
  done
  tail -1 "$work/run/metrics.jsonl"
}
export -f compare_devices resume_training
export DEVICE work
step "the same as on the CPU, within 1e-3" bash -c compare_devices

# Each measured beside PyTorch (as it is, tuned, compiled) in the same run; what the ten minutes leave no time for is said.
for of in "lvm-tiny bfloat16" "lvm-base bfloat16" "lvm-tiny float32" "lvm-nano bfloat16" "lvm-base float32" "lvm-nano float32"; do
  read -r model precision <<< "$of"
  for kind in encode train; do
    if [ $SECONDS -gt 420 ]; then echo "== $kind $model $precision: no time left"; continue; fi
    LIMIT=80 step "$kind $model $precision" bin/skyloop bench $kind --model "$model" --size 128 --batch 64 --rounds 1 \
      --seconds "$SECONDS_EACH" --precision "$precision" --python "$PYTHON" --device "$DEVICE"
  done
done

bin/skyloop survey simulate "$work/galaxies" --count 200 > /dev/null
cat > "$work/recipe.json" <<JSON
{ "model": "lvm-base", "surveys": ["$work/galaxies"], "bankPx": 128, "viewPx": 128, "objectives": { "masked": 1 },
  "steps": 100000, "batchSize": 32, "learningRate": 0.0001, "warmupSteps": 10, "checkpointEvery": 20, "seed": 1 }
JSON
step "lvm-base for a minute, stopped, and on" bash -c resume_training
exit $failed
