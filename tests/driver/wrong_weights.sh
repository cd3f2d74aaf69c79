nnc run examples/digits/digits.nn --epochs=0 --quiet --save=$TMP/w.safetensors >/dev/null && nnc run examples/regression.nn --weights=$TMP/w.safetensors --data=examples/digits
