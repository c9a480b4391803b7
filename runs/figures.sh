#!/usr/bin/env bash
# The figures of README.md and docs/results.md that belong to a bundle, each section written by its benchmark.
#
#   WETREAD_SHARED=DATA WETREAD_RUNS=FOLDER runs/figures.sh [SECTION…]
#
# FOLDER is that of runs/iu_xray.sh. Of the shipped bundle, an hour and a half on two cores: drafts confidence decided
# constants tradeoff ablation renderings grounding elsewhere similar cost. Of the run that it comes from: findings sides
# finished zones detector indication departments. Without a name: all of these. Of whatever run lies in FOLDER: recipe
# recipe-findings teachers. What stands below "<!-- kept -->" in a section is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${WETREAD_SHARED:?set it to the folder that holds iu_xray/}"
: "${WETREAD_RUNS:?set it to the folder of runs/iu_xray.sh}"
export WETREAD_SHARED WETREAD_RUNS
PY=${PYTHON:-python}
run=$WETREAD_RUNS/iu_xray
manifest=$WETREAD_RUNS/iu_xray_data/manifest.jsonl
out=$WETREAD_RUNS/figures
mkdir -p "$out"

# Heading in docs/results.md, and the command as it is said there.
declare -A heading=(
  [drafts]="Drafts" [confidence]="Confidence of sentences" [decided]="What a reader decides" [constants]="One report for all"
  [tradeoff]="Trade-off" [ablation]="What each part is worth" [renderings]="Renderings of the same film" [grounding]="Grounding"
  [elsewhere]="Films from elsewhere" [similar]="Similar cases" [cost]="Cost of a draft" [findings]="Findings" [sides]="Sides, out of fold"
  [finished]="Networks that learned from all teachers" [zones]="Basilar, out of fold" [detector]="Detector" [indication]="Indication"
  [departments]="Departments" [teachers]="Drafts of the teachers, out of fold" [recipe]="The recipe, run once from nothing" [recipe-findings]="Findings of that run"
)
declare -A said=(
  [drafts]="val_table.py --manifest MANIFEST --out OUT"
  [confidence]="confidence.py --manifest MANIFEST --drafts OUT/val_drafts.jsonl"
  [decided]="decided.py --manifest MANIFEST"
  [constants]="constants.py --manifest MANIFEST --drafts OUT/val_drafts.jsonl"
  [tradeoff]="tradeoff.py --manifest MANIFEST --figure docs/images/tradeoff.png"
  [ablation]="ablation.py --manifest MANIFEST"
  [renderings]="robustness.py --manifest MANIFEST"
  [grounding]="ground.py --manifest MANIFEST --shared SHARED --drafts OUT/val_drafts.jsonl"
  [elsewhere]="elsewhere.py --manifest MANIFEST --shared SHARED --figure docs/images/abstention.png"
  [similar]="similar.py precision --shared SHARED --model wetread/models/default --markdown"
  [cost]="draft.py --markdown"
  [findings]="findings.py runs/iu_xray.toml --markdown --figure docs/images/reliability.png --roc docs/images/triage.png"
  [sides]="sides.py runs/iu_xray.toml"
  [finished]="finished.py runs/iu_xray.toml"
  [zones]="zones.py runs/iu_xray.toml"
  [detector]="detector.py runs/iu_xray.toml --shared SHARED --heads"
  [indication]="indication.py runs/iu_xray.toml"
  [departments]="departments.py runs/iu_xray.toml"
  [teachers]="teachers.py runs/iu_xray.toml"
  [recipe]="val_table.py --manifest MANIFEST --bundle RUN/bundle --out OUT/recipe"
  [recipe-findings]="findings.py runs/iu_xray.toml --markdown"
)
order=(drafts confidence decided constants tradeoff grounding elsewhere similar cost
  findings sides finished zones detector indication departments ablation renderings)

sections=("$@")
[ ${#sections[@]} -gt 0 ] || sections=("${order[@]}")
for name in "${sections[@]}"; do
  if [ -z "${said[$name]:-}" ]; then
    echo "figures.sh: there is no section '$name'; they are ${order[*]} recipe recipe-findings teachers" >&2
    exit 2
  fi
done
for name in "${sections[@]}"; do
  echo "── ${heading[$name]}" >&2
  command=${said[$name]}
  case $name in
    findings | sides | finished | zones | detector | indication | departments | teachers | recipe*) bundle=$run/bundle ;;
    *) bundle=wetread/models/default ;;
  esac
  read -ra words <<< "$command"
  for i in "${!words[@]}"; do
    case ${words[i]} in
      MANIFEST) words[i]=$manifest ;;
      SHARED) words[i]=$WETREAD_SHARED ;;
      OUT*) words[i]=$out${words[i]#OUT} ;;
      RUN*) words[i]=$run${words[i]#RUN} ;;
    esac
  done
  "$PY" benchmarks/"${words[0]}" "${words[@]:1}" > "$out/$name.md"
  if [ "$name" = drafts ]; then "$PY" benchmarks/section.py README.md --marker scores < "$out/drafts.md"; fi
  "$PY" benchmarks/section.py docs/results.md "${heading[$name]}" "python benchmarks/$command" --bundle "$bundle" < "$out/$name.md"
done
