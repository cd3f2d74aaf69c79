for f in examples/*.nn; do nnc fmt $f > $TMP/m.nn && nnc fmt --check $TMP/m.nn && test $(grep -c // $f) = $(grep -c // $TMP/m.nn) && echo $f; done
