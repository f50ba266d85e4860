# The commands of the project. Each installs what it needs and says what it does.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
CARGO ?= cargo
NPM_FLAGS := --no-audit --no-fund
VENV := benches/peers/.venv
COMPAT := tests/compat
SDK_VENV := sdk/python/.venv

.PHONY: help build packages demo test test-rust test-console test-browser test-differential test-compat test-sdk prove lint format screenshots clean

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

build: ## The release binary, console included
	$(CARGO) build --release --bin outcrop

packages: ## The SDKs as people install them, into sdk/dist: a wheel, an npm tarball, two crates
	sdk/packages/pack.sh

demo: console/node_modules ## Start Outcrop with live events of a small shop, and print where to look
	$(CARGO) build --bin outcrop
	exec target/debug/outcrop demo --data-dir "$$(mktemp -d)/outcrop-demo"

test: test-rust test-console test-differential test-compat test-sdk test-browser ## Everything: Rust, console, differential, real clients, SDKs, browser

test-rust: console/node_modules ## Unit, property and outside tests, and documentation
	$(CARGO) test --workspace --no-fail-fast

test-console: console/node_modules ## Types, lints and unit tests of the console
	cd console && npm run typecheck && npm run lint && npm test

test-differential: $(VENV)/installed ## The same events in Outcrop and in DuckDB, asked the same questions
	$(CARGO) build --bin outcrop
	OUTCROP_BIN=target/debug/outcrop $(VENV)/bin/python tests/differential/run.py

test-sdk: $(SDK_VENV)/installed sdk/typescript/node_modules ## The SDKs: their own tests, the same cases in each language against the real binary, what they cost, and a newcomer's path with their packages, and two example services
	$(CARGO) build --workspace --bin outcrop --example conformance
	$(SDK_VENV)/bin/python -m unittest discover sdk/python/tests
	cd sdk/typescript && npm test
	sdk/packages/pack.sh
	OUTCROP_BIN=target/debug/outcrop python3 sdk/packages/run.py
	OUTCROP_BIN=target/debug/outcrop OUTCROP_SDK_PYTHON=$(SDK_VENV)/bin/python python3 sdk/examples/run.py
	OUTCROP_BIN=target/debug/outcrop OUTCROP_SDK_PYTHON=$(SDK_VENV)/bin/python python3 sdk/conformance/run.py python typescript rust
	$(SDK_VENV)/bin/python sdk/python/bench/finish.py --check
	node sdk/typescript/bench/finish.js --check

test-browser: console/node_modules chromium ## The console in headless Chromium against the real binary
	$(CARGO) build --bin outcrop
	cd console && OUTCROP_BIN=../target/debug/outcrop npm run e2e

test-compat: $(COMPAT)/.venv/installed $(COMPAT)/node/node_modules psql ## Real clients of Python and Node, logger and curl send to the real binary; psql and psycopg ask it
	$(CARGO) build --bin outcrop
	OUTCROP_BIN=target/debug/outcrop $(COMPAT)/.venv/bin/python $(COMPAT)/run.py

prove: $(VENV)/installed $(COMPAT)/.venv/installed $(COMPAT)/node/node_modules ## What takes long: simulation, 200 kills, changed bytes, full disks, overload, chance in compares, 10,000 random queries, incidents, all real clients, the peers side by side
	OUTCROP_SIMULATION_SEEDS=10000 OUTCROP_FLIPS=10000 $(CARGO) test --release -p outcrop-storage -- simulation flips --nocapture
	OUTCROP_CRASH_KILLS=200 $(CARGO) test --test outcrop crash
	OUTCROP_DISK_FULL_ROUNDS=40 $(CARGO) test --test outcrop disk_full -- --nocapture
	OUTCROP_FUZZ_ROUNDS=100000 OUTCROP_FUZZ_SEED=$$(date +%s) $(CARGO) test -p outcrop-storage -p outcrop-ingest fuzz
	OUTCROP_COMPARE_REPETITIONS=1000 $(CARGO) test --release -p outcrop-query compare::tests
	OUTCROP_QUERY_CASES=10000 OUTCROP_QUERY_SEED=$$(date +%s) $(CARGO) test --release -p outcrop-query differential
	$(CARGO) build --release --bin outcrop
	OUTCROP_BIN=target/release/outcrop $(COMPAT)/.venv/bin/python $(COMPAT)/run.py --all
	OUTCROP_BIN=$(CURDIR)/target/release/outcrop OUTCROP_OVERLOAD_SECONDS=300 $(CARGO) test --test outcrop overload -- --nocapture
	$(CARGO) run --release -p outcrop-sdk --example finish -- --check
	python3 benches/compare/incidents.py --outcrop target/release/outcrop || test $$? = 2
	$(VENV)/bin/python benches/peers/run.py --rows 1000000

lint: console/node_modules ## Formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

format: ## Format everything
	$(CARGO) fmt --all

screenshots: console/node_modules chromium ## docs/screenshots, made anew
	$(CARGO) build --bin outcrop
	cd console && OUTCROP_BIN=../target/debug/outcrop npm run shots

console/node_modules: console/package-lock.json
	cd console && npm ci $(NPM_FLAGS)
	@touch $@

$(VENV)/installed: benches/peers/requirements.txt benches/peers/setup.sh
	benches/peers/setup.sh
	@touch $@

$(COMPAT)/.venv/installed: $(COMPAT)/python/requirements.txt
	python3 -m venv $(COMPAT)/.venv
	$(COMPAT)/.venv/bin/pip install --quiet --requirement $<
	@touch $@

$(COMPAT)/node/node_modules: $(COMPAT)/node/package-lock.json
	cd $(COMPAT)/node && npm ci $(NPM_FLAGS)
	@touch $@

$(SDK_VENV)/installed: $(wildcard sdk/python/outcrop/*.py) sdk/python/pyproject.toml sdk/python/setup.sh sdk/python/tests/requirements.txt
	sdk/python/setup.sh
	@touch $@

sdk/typescript/node_modules: sdk/typescript/package-lock.json
	cd sdk/typescript && npm ci $(NPM_FLAGS)
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)

.PHONY: psql
psql:
	@command -v psql >/dev/null || test $$(id -u) != 0 || (apt-get update -qq && apt-get install -y -qq postgresql-client) || true

clean: ## Remove everything that was built
	$(CARGO) clean
	rm -rf console/dist console/node_modules $(VENV) $(COMPAT)/.venv $(COMPAT)/node/node_modules $(COMPAT)/collector/build $(SDK_VENV) sdk/dist sdk/python/dist sdk/typescript/dist sdk/typescript/node_modules sdk/examples/orders/dist sdk/examples/orders/node_modules
