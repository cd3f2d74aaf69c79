nnc run
