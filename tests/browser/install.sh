#!/bin/sh
# The browser tests drive Debian's Chromium. As root or in CI it is installed here; elsewhere it is asked for.
set -eu
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests ..." >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
    exit 0
fi
echo "The browser tests need Chromium: sudo apt-get install chromium fonts-dejavu-core" >&2
exit 1
