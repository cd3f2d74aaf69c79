nnc summary --help
