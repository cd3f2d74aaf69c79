#!/bin/sh
# From a fresh Debian or Ubuntu to a trained digit classifier: installs what is missing, builds nnc, trains
# examples/digits/digits.nn, prints its test accuracy and how fast its generated code is.
set -eu
cd "$(dirname "$0")/.."
sh examples/setup.sh
make -j"$(getconf _NPROCESSORS_ONLN)"
make demo
