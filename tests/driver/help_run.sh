nnc run --help
