# Two commands for a user: `make report` and `make test`. Each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup report test lint benchmark sizes soak pictures clean

setup: .venv/.made

.venv/.made: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python %d.%d found; want 3.11 or later (make PYTHON=python3.12 ...)" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

report: setup
	$(BIN)/python -m backtest run all

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	bash tests/find_chromium.sh
	$(BIN)/python -m pytest --numprocesses=logical --dist=worksteal

benchmark: setup
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/sweeps.py

sizes: setup
	$(BIN)/python benchmarks/sizes.py

soak: setup
	$(BIN)/python tests/kill_sweeps.py 50
	$(BIN)/python tests/data/kill_pulls.py 200
	$(BIN)/python tests/noise_worlds.py 200
	$(BIN)/python tests/search_worlds.py 40

pictures: report
	$(BIN)/python tests/report/pictures.py

clean:
	rm -rf .venv reports/*/ reports/index.html
