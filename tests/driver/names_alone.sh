nnc examples/lenet.nn --names=names.txt
