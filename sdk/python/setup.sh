#!/bin/sh
# Builds the wheel as people install it, and an environment that has it, for the tests.
#   sdk/python/setup.sh [DIR]        default: sdk/python/.venv
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-$here/.venv}
quiet="--quiet --disable-pip-version-check"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install $quiet --requirement "$here/tests/requirements.txt"
rm -rf "$here/dist" "$here/build"
"$venv/bin/python" -m pip wheel $quiet --no-deps --no-build-isolation --wheel-dir "$here/dist" "$here"
"$venv/bin/python" -m pip install $quiet --no-deps --no-index --force-reinstall "$here"/dist/outcrop-*.whl
echo "$venv/bin/python"
