#!/usr/bin/env python3
"""The packages as people install them, and a newcomer's path with each.

    sdk/packages/run.py [python] [typescript] [rust]

In an empty directory, with the packages of sdk/dist (pack.sh makes them), a README's first program is saved, its commands are
run, both as they stand there, and a real Outcrop is asked what it knows of the intent. README.md beside this file says
what else is tried. OUTCROP_BIN is the executable (default target/debug/outcrop). Ends with `N passed, N failed`, and 1 when any failed.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parent
ROOT = SDK.parent
sys.path.insert(0, str(SDK / "conformance"))

import markdown
from store import Store

LINES_MAX = 10
# A first build in Rust compiles TLS and all.
COMMAND_SECONDS_MAX = 420
TEXT = "Place the order and charge once"
# What the programs around this one have set, and a newcomer has not.
FOREIGN = re.compile(r"OUTCROP_|PYTHON(PATH|HOME)$|VIRTUAL_ENV|NODE_(PATH|OPTIONS)$|npm_(package|lifecycle|config_prefix)")


class Failed(Exception):
    """What is wrong."""


def check(holds, wrong):
    if not holds:
        raise Failed(wrong)


class Newcomer:
    """An empty directory, an Outcrop that listens, and nothing else."""

    def __init__(self, folder, store):
        self.folder, self.store = folder, store
        self.environment = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
        self.environment.update(OUTCROP=str(ROOT), OUTCROP_URL=store.url)
        # So that the second run of the tests is quick. The first shows what a newcomer waits for.
        self.environment.setdefault("CARGO_TARGET_DIR", str(ROOT / "target/packages"))

    def save(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, commands, fails=False):
        """What a shell says to the commands."""
        done = subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
        )
        check((done.returncode != 0) == fails, f"{commands.strip()}\n{done.stdout.strip()[-1500:]}")
        return done.stdout

    def intents(self, dataset):
        return {item["name"]: item for item in self.store.get(f"/api/v1/intents?dataset={dataset}")["items"]}


def path(newcomer, language):
    """From nothing to a declared intent that Outcrop knows of. Returns the seconds that it took."""
    readme = SDK / language / "README.md"
    program = markdown.blocks(readme, FENCE[language])[0]
    commands = markdown.blocks(readme, "sh")[0]
    check(markdown.lines(program) <= LINES_MAX, f"{readme} begins with {markdown.lines(program)} lines of code")
    check(program in (ROOT / "README.md").read_text(), f"the first program of {readme} is not in the README of the root")
    began = time.monotonic()
    newcomer.save(PROGRAM[language], program)
    newcomer.run(commands)
    known = newcomer.intents("checkout")
    seconds = time.monotonic() - began
    check(set(known) == {NAME[language]}, f"Outcrop knows {set(known)}")
    intent = known[NAME[language]]
    said = (intent["text"], intent["expectations"], intent["services"])
    check(said == (TEXT, ["within 2 s", "no error", "not cancelled"], ["checkout"]), f"Outcrop knows {said}")
    check(intent["declared"] is True, "the intent is not declared")
    check(intent["file"] and intent["line"], f"nobody knows where: {intent['file']}:{intent['line']}")
    check(intent["now"] == {"events": 1, "unmet": 0, "met": 1.0}, f"it was exercised {intent['now']}")
    return seconds


FENCE = {"python": "python", "typescript": "ts", "rust": "rust"}
PROGRAM = {"python": "order.py", "typescript": "order.mts", "rust": "src/main.rs"}
NAME = {"python": "order.place_order", "typescript": "place_order", "rust": "order::place_order"}


def python(newcomer):
    """What else a wheel must have."""
    (wheel,) = (SDK / "dist").glob("outcrop-*.whl")
    said = newcomer.run(".venv/bin/pip --disable-pip-version-check show --files outcrop")
    check("py.typed" in said and "LICENSE" in said, f"{wheel.name} has {said}")
    check(re.search(r"^Requires: *$", said, re.MULTILINE), f"{wheel.name} wants others: {said}")
    newcomer.save("mailer.py", markdown.blocks(SDK / "python/README.md", "python")[1])
    newcomer.run(".venv/bin/python mailer.py")
    receipts(newcomer, "mailer.send_receipt")


def typescript(newcomer):
    """What else a tarball must have: types that say what is wrong."""
    newcomer.save("mailer.mts", markdown.blocks(SDK / "typescript/README.md", "ts")[1])
    newcomer.run("npx tsc --strict --module nodenext --target es2022 mailer.mts && node mailer.mjs")
    receipts(newcomer, "send_the_receipt")
    newcomer.save("wrong.mts", 'import { intent } from "outcrop";\nintent("x", async (a: number) => a)("text");\n')
    said = newcomer.run("npx tsc --noEmit --strict --module nodenext --target es2022 wrong.mts", fails=True)
    check("'string' is not assignable to parameter of type 'number'" in said, f"tsc says {said}")
    newcomer.run("test -f node_modules/outcrop/LICENSE && test ! -e node_modules/outcrop/src")


def receipts(newcomer, name):
    """The second program of a README has run."""
    intent = newcomer.intents("mailer").get(name)
    check(intent and intent["now"]["met"] == 1.0, f"Outcrop knows {intent} of {name}")
    check("ana@example" not in str(newcomer.store.events("mailer")), "what the hook removes has left")


def rust(newcomer):
    """What else crates must have: all that they are made of, without the repository around them."""
    for name in ("outcrop-sdk", "outcrop-macros"):
        (crate,) = (SDK / "dist").glob(f"{name}-*.crate")
        with tarfile.open(crate) as archive:
            check(any(member.endswith("/LICENSE") for member in archive.getnames()), f"{crate.name} has no LICENSE")
            archive.extractall(newcomer.folder / "crates", filter="data")
    (newcomer.folder / "Cargo.toml").unlink()
    # As from a registry, which here is a folder.
    newcomer.run("cargo init --quiet --name packaged --vcs none")
    (sdk,), (macros,) = ([*newcomer.folder.glob(f"crates/{name}-*")] for name in ("outcrop-sdk", "outcrop-macros"))
    with open(newcomer.folder / "Cargo.toml", "a") as manifest:
        manifest.write(f'outcrop-sdk = "{sdk.name.rpartition("-")[2]}"\n\n[patch.crates-io]\n')
        manifest.write(f'outcrop-sdk = {{ path = "crates/{sdk.name}" }}\noutcrop-macros = {{ path = "crates/{macros.name}" }}\n')
    newcomer.run("OUTCROP_DATASET=packaged cargo run --quiet")
    known = newcomer.intents("packaged")
    check(set(known) == {"packaged::place_order"}, f"Outcrop knows {set(known)}")


MORE = {"python": python, "typescript": typescript, "rust": rust}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("languages", nargs="*", choices=[*MORE, []], metavar="LANGUAGE", default=[])
    said = parser.parse_args()
    passed = failed = 0
    for language in said.languages or MORE:
        with tempfile.TemporaryDirectory(prefix="outcrop-newcomer-") as folder, tempfile.TemporaryDirectory() as data:
            store = Store(pathlib.Path(data))
            try:
                newcomer = Newcomer(pathlib.Path(folder), store)
                seconds = path(newcomer, language)
                print(f"{language}: from an empty directory to a declared intent in {seconds:.1f} s", flush=True)
                MORE[language](newcomer)
                passed += 1
            except (Failed, subprocess.TimeoutExpired) as wrong:
                failed += 1
                print(f"FAILED {language}\n       {wrong}", flush=True)
            finally:
                store.stop()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
