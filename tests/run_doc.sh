#!/bin/sh
# Runs what a page of docs/ tells its reader to do, so that the page stays true.
#   tests/run_doc.sh docs/into-a-cmake-build.md ...        environment: BUILD
#   tests/run_doc.sh --here README.md                      in the source tree itself, output shown
# In a scratch directory, in the order of the page: a fenced block `sh` is run (one shell for the page, the first
# command that fails ends it), and a block with a file's name behind its language, as in ```cmake CMakeLists.txt, is
# written to that file. Blocks of other languages are only shown. nnc, its pkg-config file and its CMake package are
# found as after `make install`; examples/ is there, and ../shared where the source tree has it.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-build}
if [ "${1-}" = --here ]; then
    here=1
    shift
else
    here=
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nnc-doc-XXXXXX")
trap 'rm -rf "$scratch"' EXIT INT TERM

# The page as a shell script: here-documents for files, the blocks themselves for commands.
as_script() {
    awk '
        /^ *```/ && !inside {
            lang = $0; sub(/^ *```/, "", lang)
            count = split(lang, word, /[ \t]+/)
            inside = 1
            mode = count >= 2 ? "file" : word[1] == "sh" ? "run" : "show"
            if (mode == "file") {
                n = split(word[2], part, "/"); dir = ""
                for (i = 1; i < n; i++) dir = dir part[i] "/"
                if (dir != "") print "mkdir -p \"" dir "\""
                print "cat > \"" word[2] "\" <<\047END_OF_BLOCK\047"
            }
            if (mode == "run") print "echo \047--- line " NR "\047 >&2"
            next
        }
        /^ *```/ { if (mode == "file") print "END_OF_BLOCK"; inside = 0; next }
        inside && mode != "show"
    ' "$1"
}

if [ "$here" ]; then
    for page in "$@"; do
        as_script "$page" > "$scratch/page.sh"
        (cd "$top" && sh -eu "$scratch/page.sh")
    done
    exit 0
fi
make -C "$top" -s install BUILD="$BUILD" PREFIX="$scratch/usr" > /dev/null
PATH=$scratch/usr/bin:$PATH
PKG_CONFIG_PATH=$scratch/usr/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
CMAKE_PREFIX_PATH=$scratch/usr
XDG_CACHE_HOME=$scratch/cache
export PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH XDG_CACHE_HOME
[ ! -d "$top/../shared" ] || ln -s "$(cd "$top/../shared" && pwd)" "$scratch/shared"
for page in "$@"; do
    name=$(basename "$page" .md)
    mkdir -p "$scratch/$name"
    cp -r "$top/examples" "$scratch/$name/"
    as_script "$page" > "$scratch/$name.sh"
    if ! grep -q . "$scratch/$name.sh"; then
        echo "$page: nothing to run"
        continue
    fi
    if (cd "$scratch/$name" && sh -eu "$scratch/$name.sh") > "$scratch/$name.log" 2>&1; then
        echo "$page: runs as written"
    else
        cat "$scratch/$name.log"
        echo "$page: FAILED behind the last line number above"
        exit 1
    fi
done
