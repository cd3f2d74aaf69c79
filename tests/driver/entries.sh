nnc examples/regression.nn -o $TMP --entries=infer --batch infer=1,32 --target=scalar && grep -o "^int diabetes_[a-z0-9_]*" $TMP/diabetes.h
