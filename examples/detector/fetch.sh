#!/bin/sh
# Fetches BCCD, 364 pictures of blood cells with their boxes (S. Gan and others, MIT licence,
# https://github.com/Shenggan/BCCD_Dataset), and makes DIR/train and DIR/test of them as prepare.py says.
#     sh fetch.sh DIR [--train N] [--test N]
set -eu
to=${1:?"usage: $0 DIR [--train N] [--test N]"}
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
python3 -c 'import PIL' 2> /dev/null || { echo "fetch.sh: python3 needs Pillow: apt-get install python3-pil" >&2; exit 1; }
git clone --depth 1 https://github.com/Shenggan/BCCD_Dataset "$work/bccd"
python3 "$(dirname "$0")/prepare.py" "$work/bccd/BCCD" "$to" "$@"
