# What is empty, or given or named twice, is told.
m=examples/regression.nn; try() { echo "> $*"; nnc "$@"; }
for word in --entries= --target= --batch= --batch=infer= --name= -o= --set=width=; do try $m $word; done
for word in avx2,avx2 avx2, ,; do try $m --target=$word; done
try $m --entries=infer,infer; try $m --batch=infer=1,32 --batch=32; try $m --batch=1,,2
try $m --target=avx2 --target=scalar; try $m --threads=2 --threads=3; try $m --set width=4 --set width=5
try run $m --epochs=3 --epochs=4; try bench $m --seconds=
