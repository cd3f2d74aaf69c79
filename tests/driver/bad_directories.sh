# Places that no file can be written to; what stands there stays.
put() { said=$(nnc examples/regression.nn -o "$@" 2>&1); echo "status $?: $said" | sed "s|$TMP|TMP|; s|x\{9,\}|LONG|"; }
echo kept > $TMP/file; put $TMP/file; put $TMP/file/below; cat $TMP/file
ln -s nowhere $TMP/dangling; put $TMP/dangling
ln -s loop $TMP/loop; put $TMP/loop
put $TMP/$(printf 'x%.0s' $(seq 300))
put ''
put /proc/nnc
mkdir -p $TMP/taken/diabetes.c/more; put $TMP/taken; ls $TMP/taken/diabetes.c
