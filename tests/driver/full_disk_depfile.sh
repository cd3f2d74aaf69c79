nnc examples/regression.nn -o $TMP --depfile=/dev/full
