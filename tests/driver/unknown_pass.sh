nnc examples/regression.nn --dump-after=simplfy
