#!/bin/bash
# Builds the Debian package into .build-deb/, runs lintian on it, and prints its name last.
#
#   packaging/build-deb.sh [VERSION]     VERSION replaces that of packaging/debian/changelog
#   APPLIANCE_BINARY=FILE                packs this executable; the default is that of "make build"
#   DEB_FOLDER=FOLDER                    puts it there instead
#   LINTIAN=no                           leaves lintian out
#
# dpkg-buildpackage wants a folder "debian" at the top of a tree: it gets a copy of what it needs.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
out=${DEB_FOLDER:-$top/.build-deb}
binary=${APPLIANCE_BINARY:-$top/.build/release/nat64-appliance}

if [ ! -x "$binary" ]; then
    echo "there is no executable $binary; build it with: make build" >&2
    exit 1
fi
rm -rf "$out/stage"
mkdir -p "$out/stage"
cp -a "$top"/{packaging,systemd,etc,README.md} "$out/stage/"
cp -a "$top/packaging/debian" "$out/stage/debian"
cp "$top"/systemd/nat64-appliance.{service,sysusers} "$out/stage/debian/"
cd "$out/stage"
if [ $# -gt 0 ]; then
    sed -i "1s/(.*)/($1)/" debian/changelog
fi
version=$(dpkg-parsechangelog --show-field Version)
rm -f "$out"/nat64-appliance_"$version"_*
echo "Packing nat64-appliance $version"
if ! APPLIANCE_BINARY=$(realpath "$binary") DEB_BUILD_OPTIONS=nocheck \
    dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes \
    --build-profiles=pkg.nat64-appliance.vendorswift >"$out/log" 2>&1; then
    tail -n 40 "$out/log" >&2
    exit 1
fi
cd "$out"
rm -rf "$out/stage"
package=$(echo "$out"/nat64-appliance_"$version"_*.deb)
if [ "${LINTIAN:-yes}" != no ]; then
    lintian --fail-on error,warning --allow-root "$package"
fi
echo "$package"
