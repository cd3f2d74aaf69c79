nnc examples/regression.nn --set train.epoch=3 -o $TMP
