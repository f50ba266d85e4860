#!/bin/sh
# Makes the packages as people install them, into sdk/dist: a wheel, an npm tarball, two crates.
#   sdk/packages/pack.sh [python] [typescript] [rust]        default: all
set -eu
sdk=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
dist=$sdk/dist
mkdir -p "$dist"

python() {
    scratch=$(mktemp -d)
    python3 -m venv "$scratch/venv"
    rm -f "$dist"/outcrop-*.whl
    # What lies in build/ would come along, long after it went from the source.
    rm -rf "$sdk/python/build"
    "$scratch/venv/bin/python" -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir "$dist" "$sdk/python"
    rm -rf "$scratch"
}

typescript() {
    [ -d "$sdk/typescript/node_modules" ] || (cd "$sdk/typescript" && npm ci --no-audit --no-fund)
    rm -f "$dist"/outcrop-*.tgz
    (cd "$sdk/typescript" && npm pack --silent --pack-destination "$dist") >/dev/null
}

rust() {
    rm -f "$dist"/outcrop-*.crate
    # Whoever compiles them afterwards verifies them.
    ${CARGO:-cargo} package --quiet --no-verify --allow-dirty --manifest-path "$sdk/rust/Cargo.toml" \
        -p outcrop-macros -p outcrop-sdk --target-dir "$dist/cargo"
    mv "$dist"/cargo/package/*.crate "$dist"
    rm -rf "$dist/cargo"
}

[ $# -gt 0 ] || set -- python typescript rust
for language in "$@"; do
    case $language in
    python | typescript | rust) "$language" ;;
    *) echo "no SDK for $language; there are python, typescript and rust" >&2 && exit 2 ;;
    esac
done
ls "$dist"/outcrop-*
