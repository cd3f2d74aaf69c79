# Names with spaces and quotes, lines that end as on Windows, data and weights that are no files or end early.
d="$TMP/it's \"here\""; mkdir "$d" "$TMP/diabetes.csv"; sed 's/$/\r/' examples/regression.nn > "$d/a b.nn"
nnc "$d/a b.nn" --target=scalar -o "$d/out" --depfile="$d/d" && ls "$d/out" && sed "s|$TMP|TMP|g" "$d/d"
sed -n 2p "$d/out/diabetes.c" | cut -c1-62; nnc fmt examples/regression.nn > $TMP/lf; nnc fmt "$d/a b.nn" | cmp - $TMP/lf
nnc run "$d/a b.nn" --interpret --epochs=1 --data="$TMP" 2>&1 | sed "s|$TMP|TMP|"
printf '\20\0\0\0\0\0\0\0{"a":' > $TMP/cut; nnc "$d/a b.nn" -o "$d/out" --weights=$TMP/cut 2>&1 | sed "s|$TMP|TMP|"
