nnc examples/regression.nn --batch train=4
