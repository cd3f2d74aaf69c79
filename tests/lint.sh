#!/bin/sh
# Rules of the source tree that no compiler checks. From the top of the tree:
#   sh tests/lint.sh [RULE ...]                      all of them without arguments
#
#   includes    one way: what each directory of compiler/ may include; the runtime only itself
#   operations  names of operations stand under compiler/ops/; see below who else may know which
#   library     names of library blocks stand in compiler/stdlib/ alone
#   printers    only commands, diagnostics and the runtime's program print; only main.c ends a process
#   size        600 lines a file, 80 lines a function
#   lines       100 columns, no tabs, no blanks at the end
#   words       nothing that is left for later
#   top         what lies at the top of the tree
set -u
LC_ALL=C
export LC_ALL
failures=0

# Prints what was found under a heading; nothing found is a success.
report() {
    [ -n "$2" ] || return 0
    printf '%s\n%s\n' "lint: $1" "$2" | sed '2,$s/^/    /' >&2
    failures=$((failures + 1))
}

c_files() { find "$@" -name '*.[ch]' | sort; }
sources() { find compiler runtime grammar tests -name '*.[chyl]' | sort; }

# ---- includes: directory, then all that it may include (and itself) ----

allowed_includes='
base
ast       base grammar
ir        base ops
ops       base ir
passes    base ir ops
interp    base ir ops
elaborate base ast ir ops
kernel    base ir ops passes
target    base ir ops loop
loop      base ir ops target
lower     base ir ops kernel target loop
emit      base ir ops elaborate kernel target loop lower
driver    base ast ir ops passes interp elaborate kernel target loop lower emit
'

check_includes() {
    for directory in compiler/*/; do
        name=$(basename "$directory")
        [ "$name" = stdlib ] && continue
        may=$(printf '%s' "$allowed_includes" | awk -v n="$name" '$1 == n {print; exit}' | tr -s ' ' '|')
        [ -n "$may" ] || report "compiler/$name is not in the table of includes" "$directory"
        report "compiler/$name may include $may" "$(grep -nE '#include "[a-z_]+/' $(c_files "$directory") /dev/null |
            grep -vE "#include \"($may)/")"
    done
    report "the runtime includes itself alone" "$(grep -nE '#include "' $(c_files runtime) | grep -v '#include "nn_')"
}

# ---- operations: who may spell OP_name outside compiler/ops/ ----
# Leaves are where a graph meets the world: everyone may know them. Elementwise names are the
# arithmetic that loops are written in, and what targets spell. The language's functions are made of
# operations: elaborate/ may know all. Else a file asks for the kind; those below are the exceptions.

operation_exceptions='
kernel/formula.c   .*                                       infix signs in comments
emit/formula.c     .*                                       the same
kernel/describe.c  add                                      a bias is no name for a kernel
kernel/view.c      reshape|permute|slice|broadcast|checked  what each view does to strides
kernel/place.c     reshape                                  padding is in the way of reshapes
kernel/plan.c      checked                                  checks come first
kernel/onto.c      add                                      sums that are written in place
kernel/put.c       put|session                              a session that is written in place
kernel/window.c    broadcast                                a bias along the channels
kernel/moments.c   sum|variance                             statistics of channels
lower/window_moments.c sum|variance                         the same
kernel/fuse.c      sum                                      partial sums may be added up anywhere
lower/reduction.c  argmax|variance|sum                      what reduce.def cannot say
lower/lower.c      checked                                  checks inside scans
passes/separate.c  stop_gradient                            makes them
'

check_operations() {
    leaves=$(sed -n 's/^OP(\([a-z_0-9]*\),.*LEAF.*/\1/p' compiler/ops/ops.def | paste -sd'|' -)
    maps=$(sed -n 's/^MAP(\([a-z_0-9]*\),.*/\1/p' compiler/ops/maps.def | paste -sd'|' -)
    for file in $(c_files compiler); do
        may=$leaves
        case $file in
            compiler/ops/* | compiler/elaborate/*) continue ;;
            compiler/target/* | compiler/loop/* | compiler/lower/*) may="$leaves|$maps" ;;
        esac
        more=$(printf '%s' "$operation_exceptions" | awk -v f="compiler/${file#compiler/}" '"compiler/" $1 == f {print $2; exit}')
        found=$(grep -noE '\bOP_[a-z][a-z_0-9]*\b' "$file" | grep -vE ":OP_($may${more:+|$more})$")
        report "$file names operations; it should ask for their kind (compiler/ops/op.h)" "$found"
    done
}

# ---- library ----

check_library() {
    blocks=$(sed -n 's/^block \([a-z_0-9]*\).*/\1/p' compiler/stdlib/*.nn | sort -u | grep -vx accuracy | paste -sd'|' -)
    report "names of library blocks outside compiler/stdlib/" \
        "$(grep -nE "\"($blocks)\"" $(c_files compiler) | grep -v '^compiler/ops/')"
}

# ---- printers ----

check_printers() {
    report "only commands and the runtime's program print" \
        "$(grep -nE '(^|[^a-z_])(printf|puts|putchar|perror)\(|stdout' $(c_files compiler runtime) |
           grep -vE '^(compiler/driver/|runtime/nn_(log|main|report|job)\.)|/\* /dev/stdout')"
    report "only main.c ends the process (and an arena without memory)" \
        "$(grep -nE '(^|[^a-z_])(exit|abort|_exit|_Exit)\(' $(c_files compiler runtime) |
           grep -vE '^(compiler/base/arena|compiler/driver/main|compiler/driver/native|runtime/nn_main)\.c')"
}

# ---- size ----

check_size() {
    report "files of more than 600 lines" "$(wc -l $(sources) | awk '$2 != "total" && $1 > 600 {print $2 ": " $1 " lines"}')"
    report "functions of more than 80 lines" "$(awk '
        FNR == 1 {start = 0}
        /^\{$/ || /^[A-Za-z].*\) \{$/ {start = FNR}
        /^\}/ && start {if (FNR - start - 1 > 80) print FILENAME ":" start ": " FNR - start - 1 " lines"; start = 0}
        ' $(c_files compiler runtime tests))"
}

check_lines() {
    report "lines of more than 100 columns" "$(awk '
        length($0) > 100 {n[FILENAME]++; if (!first[FILENAME]) first[FILENAME] = FNR}
        END {for (f in n) print f ":" first[f] ": the first of " n[f]}' $(sources) | sort)"
    report "tabs, or blanks at the end of a line" "$(grep -nE "$(printf '\t')|[[:blank:]]$" $(sources) compiler/stdlib/*.nn examples/*.nn |
        cut -c1-80)"
}

check_words() {
    later='TO''DO|FIX''ME|XX''X|HA''CK'
    report "left for later" "$(grep -rnE "\\b($later)\\b" compiler runtime grammar tests docs examples README.md Makefile |
        grep -v '^tests/lint.sh' | cut -c1-100)"
}

check_top() {
    known='^(\.ci|\.clang-format|\.git|\.gitignore|LICENSE|Makefile|README\.md|build|compiler|docs|examples|generated|grammar|runtime|tests)$'
    report "not agreed at the top of the tree" "$(ls -A | grep -vE "$known")"
}

[ $# -gt 0 ] || set -- includes operations library printers size lines words top
for rule in "$@"; do
    case $rule in
        includes | operations | library | printers | size | lines | words | top) "check_$rule" ;;
        *) report "no such rule" "$rule" ;;
    esac
done
[ "$failures" -eq 0 ] || exit 1
echo "lint: $*: clean"
