#!/bin/sh
# Unpack Debian's Ceph into a folder, for the tests: tests/servers/ceph.sh FOLDER
# Nothing is installed: no service, no user, no root. Its lists of packages are its own, so that an old or empty
# /var/lib/apt does no harm. About 61 MB to load, 260 MB unpacked, ten seconds.
set -eu
folder=$1
wanted="radosgw ceph-osd ceph-mon"
command -v apt-get >/dev/null 2>&1 || {
    echo "The store's contract is tried on Ceph, which comes from Debian's packages ($wanted): apt-get is missing." >&2
    exit 1
}
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/root"
folder=$(cd "$folder" && pwd)
apt() {
    command apt-get -qq -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Debug::NoLocking=1 "$@"
}
apt update
# Whatever this machine lacks; what it has is used from where it is.
packages=$(apt install --simulate --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\).*/\1/p')
cd "$folder/cache"
[ -z "$packages" ] || apt download $packages
for package in *.deb; do
    [ ! -f "$package" ] || dpkg -x "$package" "$folder/root"
done
cd "$folder"
rm -rf "$folder/cache" "$folder/lists"
