#!/usr/bin/env bash
# Test as a Slurm job, one task for each GPU:
#   tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [test.py options]
# Sizes come from GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5), SRUN_ARGS
set -euo pipefail
if [ $# -lt 4 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
partition=$1
job_name=$2
config=$3
checkpoint=$4
shift 4
# Jobs of one node must not meet on MMEngine's default port.
export MASTER_PORT="${MASTER_PORT:-$((12000 + RANDOM % 20000))}"
# glibc keeps freed memory: returning it to the kernel is slow on CPU.
export MALLOC_MMAP_MAX_="${MALLOC_MMAP_MAX_-0}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-100000000000}"
# SRUN_ARGS is unquoted: it holds several arguments.
exec srun --partition "$partition" --job-name "$job_name" \
    --gres "gpu:${GPUS_PER_NODE:-8}" --ntasks "${GPUS:-8}" \
    --ntasks-per-node "${GPUS_PER_NODE:-8}" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit 1 \
    ${SRUN_ARGS:-} \
    python -u "$(dirname "$0")/test.py" "$config" "$checkpoint" \
    --launcher slurm "$@"
