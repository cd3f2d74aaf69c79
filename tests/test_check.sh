#!/bin/sh
# nnc check passes on every program of the design, small; also where rounding decides about relus of a deep network.
set -eu
BUILD=${BUILD:-build}
[ -z "${NNC_TEST_FLAGS-}" ] || { echo "the sanitizers see these programs in test_goldens_generated"; exit 77; }
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT INT TERM
try() {
    "$BUILD/nnc" check "$@" > "$scratch" 2>&1 || { cat "$scratch"; echo "nnc check $*: status is not 0"; exit 1; }
    echo "$*: $(tail -n 1 "$scratch")"
}
try examples/regression.nn
try examples/mnist_mlp.nn --set train.batch=8
try examples/lenet.nn --set train.batch=2
try examples/resnet20.nn --set train.batch=2
try examples/tiny_yolo.nn --set train.batch=2
try examples/char_gpt.nn --set train.batch=2 --set context=16 --set width=48 --set depth=2
try examples/bert_classifier.nn --set train.batch=2
try examples/speech_ctc.nn --set train.batch=2 --set frames=50

# A prepared form beside a session, and a plan within a limit.
try tests/session/memory.nn --prepare
try tests/session/stream.nn --prepare
try tests/workspace/residual.nn --max-workspace=2900K --prepare

# Random inputs of which some lie on corners in one order of the sums and off them in another.
try examples/resnet20.nn --set train.batch=4 --seed=6
echo "resnet20: $(grep -c "within rounding: the interpreter itself moves by" "$scratch") tensors within rounding"
