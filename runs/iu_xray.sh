#!/usr/bin/env bash
# The default bundle, from the data folder to the table of scores.
#
#   WETREAD_SHARED=DATA WETREAD_RUNS=FOLDER runs/iu_xray.sh [STAGE…]
#
# DATA holds iu_xray/ (ecgen-radiology/*.xml, images/, images.csv, r2gen_split.csv, chexbert_tags.csv) and, for the
# warm-up, other_films/. Every stage leaves its result in FOLDER and is skipped when it is there, so an interrupted
# run is started again with the same command. On two cores with bfloat16 two hours and twenty minutes, where two
# processes of one thread each share the first part (`wetread train CONFIG --threads 1 --stage encoder --fold K &`, and
# so finish, places and outputs): the detector an hour and a half beside the folds' networks, half an hour each, then
# for each fold nine minutes to finish it and five for its places and outputs; half an hour for all else on both cores.
# Several processes (GPUs or cores): TORCHRUN="torchrun --nproc-per-node 2" runs/iu_xray.sh encoder
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${WETREAD_SHARED:?set it to the folder that holds iu_xray/}"
: "${WETREAD_RUNS:?set it to a folder outside the repository for checkpoints and results}"
export WETREAD_SHARED WETREAD_RUNS
PY=${PYTHON:-python}
wetread() { "$PY" -m wetread "$@"; }
train() { ${TORCHRUN:-$PY} -m wetread train "$here/iu_xray.toml" --stage "$1"; }

stages=("$@")
if [ ${#stages[@]} -eq 0 ]; then
  training=$("$PY" -c 'from wetread.train.pipeline import STAGES; print(*STAGES)')
  read -ra stages <<< "data $training score"
fi
for stage in "${stages[@]}"; do
  case "$stage" in
    data)
      [ -f "$WETREAD_RUNS/iu_xray_data/manifest.jsonl" ] ||
        wetread data prepare iu-xray "$WETREAD_SHARED/iu_xray" "$WETREAD_RUNS/iu_xray_data"
      ;;
    score)
      # The table on val goes into the card, and the bundle is sealed again.
      "$PY" "$here/../benchmarks/val_table.py" --bundle "$WETREAD_RUNS/iu_xray/bundle" \
        --manifest "$WETREAD_RUNS/iu_xray_data/manifest.jsonl" --out "$WETREAD_RUNS/iu_xray"
      TORCHRUN="" train export
      wetread export "$WETREAD_RUNS/iu_xray" "$WETREAD_RUNS/iu_xray_bundle" --force
      ;;
    *) train "$stage" ;;
  esac
done
