# Two commands for a user: `make report` and `make test`. Each sets up what it needs. `make check` is the short loop of a developer.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup lock report docs check quick test suite lint style types benchmark sizes soak mutants pictures clean

setup: .venv/.made

.venv/.made: pyproject.toml requirements.lock tools/uv.txt tools/install.sh
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "expected Python 3.11 or later, found %d.%d (make PYTHON=python3.12 ...)" % sys.version_info[:2])'
	$(PYTHON) -m venv --without-pip .venv
	bash tools/install.sh $(BIN)/python $(PYTHON)
	touch $@

# Resolves the dependencies again: `make lock` keeps what is pinned, `make lock UPGRADE=--upgrade` takes the newest.
lock: setup
	echo 'setuptools>=77' | $(BIN)/uv pip compile pyproject.toml - --extra test --extra docs $(LOCK) $(UPGRADE) --output-file requirements.lock
	echo uv | $(BIN)/uv pip compile - $(LOCK) $(UPGRADE) --output-file tools/uv.txt
LOCK := --universal --python-version 3.11.5 --generate-hashes --no-header --no-annotate --quiet

report: setup
	$(BIN)/python -m backtest run all

docs: setup
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet --conf-dir docs --doctree-dir build/doctrees . build/site
	@echo build/site/index.html

lint: style types

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: setup
	$(BIN)/mypy

# The types are read beside the tests, which wait for nobody.
check: style
	$(MAKE) --no-print-directory --jobs=2 types quick

quick: setup
	$(BIN)/python -m pytest --numprocesses=logical --dist=worksteal -m 'not (browser or process or server or slow)'

test: style
	bash tools/find_chromium.sh
	$(MAKE) --no-print-directory --jobs=2 types suite

suite: setup
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

benchmark: setup
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/sweeps.py

sizes: setup
	$(BIN)/python benchmarks/sizes.py

soak: setup
	$(BIN)/python tools/kill_sweeps.py 50
	$(BIN)/python tools/kill_pulls.py 200
	$(BIN)/python tools/flip_bytes.py 400
	$(BIN)/python tools/noise_worlds.py 200
	$(BIN)/python tools/search_worlds.py 40

mutants: setup
	$(BIN)/python tools/mutants.py

pictures: report
	$(BIN)/python tools/pictures.py

clean:
	rm -rf .venv build reports/*/ reports/index.html
