#!/bin/sh
# Installs what nnc is built with, on Debian and Ubuntu; only packages that are missing.
#   sh examples/setup.sh             compilers, make, flex, bison, cmocka (tests); zlib and OpenBLAS (optional)
#   sh examples/setup.sh --checks    also what the checks of .ci/run use: clang, cmake, an ARM compiler and emulator
# As another user than root it asks sudo. On other systems: install the same by their names there, then `make`.
set -eu
optional=
packages="gcc g++ libc6-dev make flex bison pkg-config zlib1g-dev libopenblas-dev libcmocka-dev"
if [ "${1-}" = --checks ]; then
    packages="$packages clang cmake ninja-build shellcheck
              gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
    optional=libclang-rt-dev                     # clang's sanitizers, a package of its own in newer releases
fi
installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
missing=
for package in $packages; do
    # Newer releases call pkg-config pkgconf; what counts is the command.
    [ "$package" = pkg-config ] && command -v pkg-config > /dev/null && continue
    installed "$package" || missing="$missing $package"
done
if [ -n "$optional" ] && ! installed "$optional"; then
    missing="$missing $optional"
else
    optional=
fi
[ -n "$missing" ] || exit 0
if ! command -v apt-get > /dev/null; then
    echo "setup.sh: no apt-get here; please install what corresponds to:$missing" >&2
    exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
echo "installing:$missing"
$sudo apt-get update -qq
[ -z "$optional" ] || apt-cache show "$optional" > /dev/null 2>&1 || missing=${missing% "$optional"}
# shellcheck disable=SC2086
[ -z "$missing" ] || $sudo apt-get install -y -qq --no-install-recommends $missing
