#!/bin/sh
# The examples that drop generated files into a build of one's own, built and run as their pages say, with nnc as installed:
# a C program, a Makefile, a CMake project; and a program on the runtime by pkg-config.
set -eu
[ -z "${NNC_TEST_FLAGS-}" ] || { echo "a build for the sanitizers is not one that users install"; exit 77; }
top=$(pwd)
BUILD=${BUILD:-build}
CC=${CC:-cc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
make -s install BUILD="$BUILD" DESTDIR="$scratch/stage" PREFIX="$scratch/usr" > /dev/null
mv "$scratch/stage$scratch/usr" "$scratch/usr"
PATH=$scratch/usr/bin:$PATH
export PATH
cp -r examples "$scratch/examples"
warn='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'

# At least so many percent of the digits, in the last line "N of M unseen digits read right".
read_right() {
    tail -n 1 "$1"
    tail -n 1 "$1" | sed 's/^[a-z0-9]*: //' | awk -v least="$2" '{ exit !(100 * $1 / $3 >= least) }'
}

echo "== embed-c"
cd "$scratch/examples/embed-c"
nnc parity.nn --optimizer=adam
for std in c11 c17; do
    $CC -O2 -std=$std $warn main.c parity.c -o parity
    ./parity | tee out
    awk '{ want = $1 != $3; if (($5 - want) ^ 2 > 0.01) exit 1 } END { exit NR != 4 }' out
done
test "$(grep -c . main.c)" -le 24

echo "== embed-make"
cd "$scratch/examples/embed-make"
make -s run CC="$CC" CFLAGS="-O2 -std=c11 $warn" | tee out
read_right out 90
touch ../digits/digits.nn
make -q learn CC="$CC" CFLAGS="-O2" && { echo "a changed model is not compiled again"; exit 1; }

echo "== a program on the runtime"
cd "$scratch"
cat > version.c <<'END'
#include <stdio.h>
#include <nn_step.h>
int main(void)
{
    for (int i = 0; nn_loaders[i]; i++) printf("%s ", nn_loaders[i]->name);
    puts("");
    return !nn_find_loader("csv");
}
END
PKG_CONFIG_PATH=$scratch/usr/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
$CC -O2 -std=c11 $warn version.c $(pkg-config --cflags --libs nn) -o version
./version

command -v cmake > /dev/null && command -v g++ > /dev/null || { echo "no cmake or g++: embed-cmake was not tried"; exit 77; }
echo "== embed-cmake"
cd "$scratch/examples/embed-cmake"
for generator in 'Unix Makefiles' Ninja; do
    [ "$generator" != Ninja ] || command -v ninja > /dev/null || continue
    cmake -G "$generator" -B build -DCMAKE_PREFIX_PATH="$scratch/usr" -DCMAKE_CXX_FLAGS="$warn" -DCMAKE_C_FLAGS="$warn" > log || { cat log; exit 1; }
    cmake --build build > log || { cat log; exit 1; }
    build/learn ../digits/digits.csv | tee out
    read_right out 90
    touch ../digits/digits.nn
    cmake --build build > log
    grep -q 'nnc digits' log || { echo "a changed model is not compiled again"; exit 1; }
    cmake --build build > log
    grep -q 'nnc digits' log && { echo "compiled again without a change"; exit 1; }
    rm -rf build
done
cd "$top"
echo "C, Makefile, CMake and pkg-config: built, run, and rebuilt when the model changed"
