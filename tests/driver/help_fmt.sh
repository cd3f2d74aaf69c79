nnc fmt --help
