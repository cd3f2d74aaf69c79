#!/bin/sh
# Fetches the spoken digits (Z. Jackson and others, CC BY-SA 4.0) and packs them as speech.nn reads them: takes 0 to 4
# of each speaker and digit are the official test set, the others are for training.
#     sh examples/speech/fetch.sh DIR
set -eu
to=${1:?"usage: $0 DIR"}
mkdir -p "$to"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --depth 1 https://github.com/Jakobovski/free-spoken-digit-dataset "$work/fsdd"
cd "$work/fsdd/recordings"
ls -- *_[0-4].wav | sort > "$work/test"
ls -- *.wav | sort | grep -vxF -f "$work/test" > "$work/train"
cd - > /dev/null
for part in test train; do
    tar --format=ustar -C "$work/fsdd/recordings" -cf "$to/fsdd-$part.tar" -T "$work/$part"
done
ls -l "$to"
