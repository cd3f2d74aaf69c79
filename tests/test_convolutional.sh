#!/bin/sh
# Generated code of the convolutional programs against PyTorch's results: outputs in inference and training, loss, statistics
# and every gradient within 2e-5, on portable C and on what this machine has. --strict: in Winograd's form an activation that
# rounds to the other side of a relu's corner changes gradients by more than rounding does; tests/test_windows_native.c holds that
# form against the interpreter window by window, and here what does not depend on corners.
set -eu
BUILD=${BUILD:-build}
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT INT TERM
goldens=../shared/goldens
[ -d "$goldens" ] || { echo "skipped: there is no $goldens"; exit 0; }
for model in lenet resnet20 tiny_yolo; do
    for target in scalar native; do
        echo "== $model on $target"
        "$BUILD/nnc" compare "examples/$model.nn" "$goldens/$model.safetensors" --generated --strict --target=$target \
            --tolerance=2e-5 > "$scratch" || { cat "$scratch"; exit 1; }
        tail -n 1 "$scratch"
        "$BUILD/nnc" compare "examples/$model.nn" "$goldens/$model.safetensors" --generated --target=$target \
            --tolerance=1e-4 > "$scratch" 2> /dev/null || true
        grep -E '^  (infer/|output/|loss|layer )' "$scratch" | awk '$NF != "ok" { print; bad = 1 } END { exit bad || NR < 3 }'
    done
done
