nnc run examples/regression.nn --zzz=1
