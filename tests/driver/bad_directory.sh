nnc examples/regression.nn -o /dev/null/out
