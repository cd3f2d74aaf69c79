nnc examples/regression.nn --optimizer=adm
