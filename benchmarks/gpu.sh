#!/usr/bin/env bash
# Everything that is to be measured on a machine with a GPU, in at most 8 minutes: transforms against cuFFT, threads of
# the CPU, samples per second of the trainer.
#
#     benchmarks/gpu.sh [FOLDER]                 results into FOLDER (default: gpu-results)
#     benchmarks/gpu.sh FOLDER --device cpu      small, on the CPU: a test that it works
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-gpu-results}
mkdir -p "$out"
python=${PYTHON:-python}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
if [ "${2:-}" = --device ] && [ "${3:-}" = cpu ]; then
    transforms=(--device cpu --batch 2 --points 24) run=(--preset demo --set train.max_minutes=0.1)
else
    transforms=(--device "${3:-cuda}" --batch 32) run=(--preset demo --set train.batch=128 --set train.max_minutes=1)
fi
workers=$("$python" -c "import os; print(len(os.sched_getaffinity(0)))")
{
    date -u
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || echo "no GPU"
    lscpu | grep -E "Model name|^CPU\(s\)"
} > "$out/machine.txt" 2>&1
timeout 200 "$python" benchmarks/gpu.py "${transforms[@]}" | tee "$out/transforms.md"
rm -rf "$out/run"
timeout 120 "$python" -m symfft_models.cli train --quiet --out "$out/run" "${run[@]}" | tee "$out/trainer.json"
for n in 2 "$workers"; do
    timeout 75 "$python" benchmarks/threads.py --workers "$n" | tee "$out/threads-$n.md"
done
