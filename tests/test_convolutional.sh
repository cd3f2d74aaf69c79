#!/bin/sh
# Generated code of the convolutional programs against PyTorch's results: outputs in inference and training, loss, statistics
# and every gradient within 2e-5, on portable C and on what this machine has; with convolutions by their formula (--strict),
# and in Winograd's form where it is chosen.
set -eu
BUILD=${BUILD:-build}
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT INT TERM
goldens=../shared/goldens
[ -d "$goldens" ] || { echo "skipped: there is no $goldens"; exit 77; }
for model in lenet resnet20 tiny_yolo; do
    for options in --target=scalar --target=native "--target=scalar --strict" "--target=native --strict"; do
        echo "== $model $options"
        # shellcheck disable=SC2086
        "$BUILD/nnc" compare "examples/$model.nn" "$goldens/$model.safetensors" --generated $options \
            --tolerance=2e-5 > "$scratch" || { cat "$scratch"; exit 1; }
        tail -n 1 "$scratch"
    done
done
