nnc examples/regression.nn --entries=trian -o $TMP
