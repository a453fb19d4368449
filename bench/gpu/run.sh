#!/bin/sh
# Everything of bench/h100.md in one go, on a machine with an NVIDIA GPU and, for the peers, PyTorch, transformers and PEFT:
#   sh bench/gpu/run.sh build/native/release/tunesmith-engine > h100.jsonl
set -u
engine=$1
here=$(dirname "$0")
lengths=$(mktemp)
python3 "$here/lengths.py" "$lengths" >&2
bench() { "$engine" bench --shape llama-3.2-1b --json "$@"; }

bench --batch 8 --seq 2048 --recompute none
bench --batch 2 --seq 2048 --recompute none
bench --batch 1 --seq 512 --recompute none --steps 50
bench --batch 8 --seq 2048 --recompute gate-up
bench --batch 8 --seq 2048 --recompute block
bench --batch 8 --seq 2048 --recompute block --base nf4
bench --batch 8 --seq 2048 --recompute none --base nf4
bench --batch 8 --seq 2048 --recompute auto --memory-budget-mib 4096
bench --batch 8 --seq 2048 --recompute auto --memory-budget-mib 2560 --base nf4
bench --batch 8 --seq 2048 --loss response --docs "$lengths"

python3 "$here/hf_peft.py" --batch 8 --seq 2048
python3 "$here/hf_peft.py" --batch 8 --seq 2048 --recompute block
python3 "$here/hf_peft.py" --batch 2 --seq 2048
python3 "$here/hf_peft.py" --docs "$lengths" --batch 2 --accumulate 4 --steps 30

for threads in 2 8; do
  "$engine" bench --shape tiny-python --device cpu --threads $threads --batch 4 --seq 1024 --recompute none --steps 5 --json
  python3 "$here/hf_peft.py" --shape tiny-python --device cpu --threads $threads --batch 4 --seq 1024 --steps 5
done
rm -f "$lengths"
