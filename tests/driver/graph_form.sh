nnc --emit=graph tests/interp/reduce.graph
