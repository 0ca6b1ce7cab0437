#!/bin/sh
# Make or renew a virtual environment from a hash-pinned lock: infra/venv.sh VENV LOCK PYTHON
set -eu
venv=$1 lock=$2 python=$3
say() { printf '%s\n' "$*" >&2; }

command -v "$python" >/dev/null 2>&1 || { say "Postcard needs Python 3.11 or newer: apt-get install python3 python3-venv"; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "Postcard needs Python 3.11 or newer; $python is older."; exit 1; }
if [ ! -x "$venv/bin/python" ]; then
    say "Setting up $venv from $lock (once; some minutes on a slow line) ..."
    "$python" -m venv "$venv" || { rm -rf "$venv"; say "Could not create $venv: apt-get install python3-venv, and look whether the disk is full (df -h .)."; exit 1; }
fi
# The lock names everything, so nothing is to be resolved: older pips take the newest release of what is asked for with an
# extra (pydantic[email]) before they see its pin, and then refuse it for having no hash.
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps --only-binary :all: -r "$lock" || {
    say "Could not install what $lock names: see pip's words above. Usual causes: no network, no wheel for this machine (x86-64 Linux with glibc is needed), a full disk (df -h .)."
    exit 1
}
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable . || {
    say "Could not install Postcard itself into $venv: see pip's words above."
    exit 1
}
