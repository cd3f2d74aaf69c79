nnc examples/regression.nn --stats=yes
