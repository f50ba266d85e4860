#!/bin/sh
# Makes the virtual environment for the side-by-side bench and the differential test.
#   benches/peers/setup.sh [DIR]        default: benches/peers/.venv
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-$here/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
"$venv/bin/python" -c 'import chdb, duckdb; print("duckdb", duckdb.__version__, "chdb", chdb.__version__)'
echo "$venv/bin/python"
