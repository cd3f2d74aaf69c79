nnc
