nnc examples/regression.nn --batch infer=0
