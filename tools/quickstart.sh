#!/usr/bin/env bash
# From a fresh clone to a trained and tested ReSpike: environment, generated
# videos, training with progress, evaluation of the best checkpoint.
# Arguments go to tools/train.py, for example --amp or --seed 1.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
CONFIG=configs/respike_tiny_motion_shapes.py
WORK_DIR=work_dirs/respike_tiny_motion_shapes

bash tools/setup_env.sh lite
"$VENV/bin/python" tools/data/make_motion_shapes.py
"$VENV/bin/python" tools/train.py "$CONFIG" --work-dir "$WORK_DIR" "$@"
BEST=$(ls -t "$WORK_DIR"/best_acc_top1_*.pth | head -n 1)
"$VENV/bin/python" tools/test.py "$CONFIG" "$BEST" --work-dir "$WORK_DIR"
