#!/bin/sh
# examples/detector by its one command, with nnc as installed, on a few pictures: trained on them, it must find what is in them
# and write the drawings.
set -eu
[ -z "${NNC_TEST_FLAGS-}" ] || { echo "a build for the sanitizers is not one that users install"; exit 77; }
BUILD=${BUILD:-build}
CC=${CC:-cc}
pictures=4 bytes=76800
data=../shared/data/bccd/train
[ -d "$data" ] || { echo "skipped: there is no $data"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
make -s install BUILD="$BUILD" DESTDIR="$scratch/stage" PREFIX="$scratch/usr" > /dev/null
mv "$scratch/stage$scratch/usr" "$scratch/usr"
PATH=$scratch/usr/bin:$PATH
PKG_CONFIG_PATH=$scratch/usr/lib/pkgconfig
export PATH PKG_CONFIG_PATH

# The first pictures: their NPY header is 128 bytes long, like that of all of them.
mkdir -p "$scratch/data/train"
head -c 128 "$data/images.npy" | sed "s/(84, 160/($pictures, 160/; s/}  /}   /" > "$scratch/head"
{ cat "$scratch/head"; tail -c +129 "$data/images.npy" | head -c $((pictures * bytes)); } > "$scratch/data/train/images.npy"
awk -F, -v n=$pictures 'NR == 1 || $1 < n' "$data/boxes.csv" > "$scratch/data/train/boxes.csv"
ln -s train "$scratch/data/test"

cp -r examples "$scratch/examples"
cd "$scratch/examples/detector"
make -s CC="$CC" CFLAGS="-O2 -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror" DATA="$scratch/data" \
    COPIES=1 EPOCHS=150 > out 2> progress || { cat out progress; exit 1; }
cat out
grep -q '^4 pictures of 4, \([0-9]*\) of \1 boxes have a place in the grid$' out
awk '/^red cells/ { red = $NF + 0 } /^white cells/ { white = $NF + 0 } END { exit !(red >= 80 && white >= 80) }' out
[ "$(find found -name '*.png' | wc -l)" = $pictures ]
if command -v python3 > /dev/null; then
    python3 - found/*.png <<'END'
import struct, sys, zlib
for path in sys.argv[1:]:
    data, at, pixels = open(path, "rb").read(), 8, b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body, sum, = data[at + 8:at + 8 + length], struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        assert zlib.crc32(kind + body) == sum, kind
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kind == b"IEND" and len(zlib.decompress(pixels)) == 480 * (1 + 3 * 480)
END
fi

# A disk that is full: the command fails, says where and why, keeps no half picture, and draws all when called again.
if [ -c /dev/full ]; then
    rm -r found && mkdir found && ln -s /dev/full found/002.png
    if make -s DATA="$scratch/data" CC="$CC" COPIES=1 EPOCHS=150 > out 2>&1; then echo "a full disk was not seen"; exit 1; fi
    grep -q '^found/002.png: No space left on device$' out || { cat out; exit 1; }
    [ ! -e found/000.png ] && [ -f found/001.png ] && [ ! -L found/002.png ] && [ -s weights.safetensors ]
    make -s DATA="$scratch/data" CC="$CC" COPIES=1 EPOCHS=150 > out 2>&1
    [ "$(find found -type f -name '*.png' -size +600k | wc -l)" = $pictures ]
    if ./encode "$scratch/data/train" /dev/full > out 2>&1; then exit 1; fi
    grep -q '/dev/full/images.npy: cannot create: Not a directory' out
fi

# Copies of a picture keep the boxes that are still seen in them.
mkdir copies
./encode "$scratch/data/train" copies 5 | tee out
grep -q '^20 pictures of 4, ' out
awk '{ exit !($5 / $7 > 0.97 && $7 > 100) }' out
make -q CC="$CC" DATA="$scratch/data" COPIES=1 EPOCHS=150 || { echo "a second make has something to do"; exit 1; }
