nnc check examples/regression.nn --tolerance=0
