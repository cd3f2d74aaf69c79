#!/bin/sh
# --prepare: inference from a prepared form gives what inference from the parameters gives, on every target, with and without
# Winograd's form, at several batches; and what PyTorch gives. Scales are folded: none is left to the calls.
set -eu
BUILD=${BUILD:-build}
CC=${CC:-cc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
warn='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'
sanitize=${NNC_TEST_FLAGS-}

# file, target, tolerance, options
try() {
    file=$1 target=$2 tolerance=$3
    shift 3
    name=$(basename "$file" .nn)
    runner='' compiler=$CC flags=$sanitize
    case $target in
        avx2 | avx512) grep -qw "$(echo "$target" | sed 's/avx512/avx512f/')" /proc/cpuinfo || return 0 ;;
        neon)
            command -v qemu-aarch64 > /dev/null && command -v aarch64-linux-gnu-gcc > /dev/null || return 0
            runner=qemu-aarch64 compiler=aarch64-linux-gnu-gcc flags=-static ;;
    esac
    echo "== $name on $target $*"
    "$BUILD/nnc" "$file" --entries=infer --prepare --target="$target" -o "$scratch" "$@"
    # shellcheck disable=SC2086
    $compiler -std=c11 -O1 $warn $flags -DMODEL="$name" -DHEADER="\"$name.h\"" -I"$scratch" tests/prepare/check.c \
        "$scratch/$name.c" -o "$scratch/check" -lm
    # shellcheck disable=SC2086
    $runner "$scratch/check" "$tolerance"
}

for target in scalar avx2 avx512 neon; do
    try tests/prepare/folds.nn $target 1e-4 --batch infer=1,3
    try tests/prepare/folds.nn $target 2e-5 --strict
    try tests/prepare/stream.nn $target 2e-5 --batch infer=1,3
done
try examples/speech_ctc.nn native 2e-5
try tests/prepare/folds.nn native 1e-4 --batch infer=3 --threads=2
if command -v g++ > /dev/null; then
    "$BUILD/nnc" tests/prepare/folds.nn --prepare -o "$scratch"
    # shellcheck disable=SC2086
    g++ -x c++ -std=c++17 $warn -c "$scratch/folds.c" -o "$scratch/folds.o"
fi

echo '== what the calls of folds do: one square root less for each of six batch norms, one is left'
"$BUILD/nnc" --emit=kernels tests/prepare/folds.nn --entries=infer_prepared --prepare > "$scratch/kernels"
sed -n '/^infer_prepared/,$p' "$scratch/kernels" > "$scratch/calls"
sed -n '/^prepare/,/^infer_prepared/p' "$scratch/kernels" > "$scratch/once"
[ "$(grep -c 'rsqrt' "$scratch/once")" -ge 7 ]
! grep rsqrt "$scratch/calls"
"$BUILD/nnc" --emit=graph tests/prepare/folds.nn --entries=infer_prepared --prepare > "$scratch/graph"
left=$(grep -cE '^ *%[0-9]+: .*batch.* = mul ' "$scratch/graph")
echo "$left product after a sum of products"
[ "$left" = 1 ]

echo '== nothing to prepare'
"$BUILD/nnc" examples/mnist_mlp.nn --prepare --entries=infer --target=scalar -o "$scratch"
grep -q 'Reads params directly: nothing to prepare' "$scratch/mnist_mlp.h"
! grep -qi 'prepared' "$scratch/mnist_mlp.c"

goldens=../shared/goldens
[ -d "$goldens" ] || { echo "skipped: there is no $goldens"; exit 77; }
for model in resnet20 tiny_yolo; do
    for target in $([ $model = resnet20 ] && echo scalar) native; do
        for form in --strict:2e-5 :1e-4; do
            # shellcheck disable=SC2086
            "$BUILD/nnc" compare "examples/$model.nn" "$goldens/$model.safetensors" --generated --prepare ${form%:*} \
                --target=$target --tolerance="${form#*:}" > "$scratch/out" 2>&1 || true
            grep '^  infer_prepared/' "$scratch/out" | sed "s/^/$model on $target ${form%:*}/"
            grep '^  infer_prepared/' "$scratch/out" | awk '$NF != "ok" { bad = 1 } END { exit bad || !NR }'
        done
    done
done
