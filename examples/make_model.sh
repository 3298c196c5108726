#!/usr/bin/env bash
# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
#
# Make a model like a shipped one from an empty folder: render, train, export, calibrate.
#
#     bash examples/make_model.sh street OUT        # rendered drives only
#     bash examples/make_model.sh road OUT DATA     # DATA has camvid/, idd/ and kitti_depth/
#
# What differs: the shipped `street` also learned from CamVid, in steps of its own (its model card),
# and the calibration of the shipped `road` is of real drives.
# The model is in OUT/model. After an interruption the same command continues. It needs the extras
# `train` and `world`. docs/datasets.md has the layouts of the data sets and their terms.
set -euo pipefail

# ---- Options of the recipes --------------------------------------------------------------------
processes=${PROCESSES:-2}            # that render and calibrate in parallel
street_minutes=(24 34 72 22)         # of models/street/train_1.yaml, train_2.yaml, ...
road_minutes=(43 9 48 32)            # of models/road/train_1.yaml, train_2.yaml, ...
road_repeats=(--repeat camvid=4 --repeat idd=2 --repeat kitti_depth=4)  # of small data sets
export_stride=8                      # every n-th training frame for the feature statistics
# ------------------------------------------------------------------------------------------------

usage() {
    echo "usage: bash examples/make_model.sh street OUT | road OUT DATA" >&2
    exit 2
}

models=$(cd "$(dirname "${BASH_SOURCE[0]}")/../bdl_perception/models" && pwd)
[[ $# -ge 2 ]] || usage
model=$1 out=$2
data=(--data "$out/data")
repeats=() start=()
case "$model:$#" in
    street:2)
        minutes=("${street_minutes[@]}")
        ;;
    road:3)
        for kind in camvid idd kitti_depth; do
            [[ -d $3/$kind ]] || { echo "$3/$kind is no folder, see docs/datasets.md" >&2; exit 2; }
            data+=(--data "$kind=$3/$kind")
        done
        minutes=("${road_minutes[@]}") repeats=("${road_repeats[@]}")
        start=(--start-from "$models/street/weights.pt")
        ;;
    *) usage ;;
esac

bdl render validation --world 3 --out "$out/data" --drives 80 --frames 4 --rate-hz 0.5 \
    --seed 3001 --processes "$processes"
bdl render train --world 3 --out "$out/data" --drives 2000 --frames 4 --rate-hz 0.5 \
    --seed 3000 --processes "$processes"

for step in "${!minutes[@]}"; do
    run=$out/runs/$((step + 1))
    bdl train "${data[@]}" "${repeats[@]}" --out "$run" "${start[@]}" \
        --config "$models/$model/train_$((step + 1)).yaml" --minutes "${minutes[$step]}"
    start=(--start-from "$run/checkpoint.pt")
done

if [[ ! $out/model/model.json -nt $run/checkpoint.pt ]]; then
    bdl export "$run/checkpoint.pt" "$out/model" --name "$model" "${data[@]}" \
        --stride "$export_stride"
fi

bdl render validation --world 3 --out "$out/calibration" --drives 60 --frames 600 --rate-hz 10 \
    --seed 9042 --processes "$processes"
bdl calibrate --model "$out/model" --keep "$out/scores" --processes "$processes" \
    "$out/calibration/validation"
