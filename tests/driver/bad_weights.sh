nnc examples/regression.nn -o $TMP --weights=LICENSE
