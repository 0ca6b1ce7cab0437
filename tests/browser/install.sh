#!/bin/sh
# The browser tests drive Debian's Chromium through Playwright, whose own Node needs libatomic. As root or in CI both are
# installed here; elsewhere they are asked for.
set -eu
packages="chromium fonts-dejavu-core libatomic1"
if command -v chromium >/dev/null 2>&1 && /sbin/ldconfig -p | grep -q 'libatomic\.so\.1'; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $packages for the browser tests ..." >&2
    # shellcheck disable=SC2086 # three names
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    exit 0
fi
echo "The browser tests need Chromium and libatomic: sudo apt-get install $packages" >&2
exit 1
