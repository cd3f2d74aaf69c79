nnc examples/regression.nn --emit=grap
