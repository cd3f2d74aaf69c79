#!/bin/sh
# Runs tests (cmocka programs and scripts) side by side from the top of the source tree, and prints of each what
# cmocka's closing lines say, or the whole output of one that fails; in the end which took longest.
#   tests/run.sh build/tests/test_ops tests/test_install.sh ...        environment: BUILD, JOBS, CC
# A script that ends with status 77 was skipped and has said why in its last line.
set -u
if [ "${1-}" = --one ]; then
    name=$(basename "$2")
    log=$BUILD/tests/$name.log
    begin=$(date +%s)
    case $2 in
        *.sh) sh "$2" > "$log" 2>&1 ;;
        *) "$2" > "$log" 2>&1 ;;
    esac
    status=$?
    echo $status > "$BUILD/tests/$name.status"
    echo "$(($(date +%s) - begin)) $name" > "$BUILD/tests/$name.seconds"
    {
        printf '%s\n' "$name"
        case $status in
            0) grep -aE '^\[=+\].*run\.|^\[  PASSED  \]|^\[  SKIPPED \]' "$log" || tail -n 1 "$log" ;;
            77) echo "[  SKIPPED ] $(tail -n 1 "$log")" ;;
            *) cat "$log"; echo "[  FAILED  ] $name: status $status" ;;
        esac
    } > "$log.told"
    exec cat "$log.told"                     # at once, so that lines of several tests do not mix
fi
BUILD=${BUILD:-build}
export BUILD
mkdir -p "$BUILD/tests"
rm -f "$BUILD"/tests/*.status "$BUILD"/tests/*.log "$BUILD"/tests/*.told "$BUILD"/tests/*.seconds
printf '%s\n' "$@" | xargs -P "${JOBS:-$(getconf _NPROCESSORS_ONLN)}" -n 1 sh "$0" --one
passed=0 skipped=0 failed=
for test in "$@"; do
    name=$(basename "$test")
    case $(cat "$BUILD/tests/$name.status" 2>/dev/null || echo lost) in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *) failed="$failed $name" ;;
    esac
done
cases=$(cat "$BUILD"/tests/*.log | grep -ac '^\[       OK \]')
echo "$passed of $# test programs passed ($cases cases)$([ $skipped -gt 0 ] && echo ", $skipped skipped")"
echo "slowest:$(cat "$BUILD"/tests/*.seconds | sort -rn | head -n 6 | sed 's/\(.*\) \(.*\)/ \2 \1 s/' | paste -sd , -)"
[ -z "$failed" ] || { echo "FAILED:$failed"; exit 1; }
