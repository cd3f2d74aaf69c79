nnc model.nn --help
