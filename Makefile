# The two commands a fresh machine needs: `make demo` and `make test` (Python 3.11+ and make).
# Both create .venv and use it again; `make clean` removes it.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

BENCHMARKS := house startup plugins overhead stores processes large_study import_export backends_overhead continuing folds sklearn_search quality ray hypergradients observers

.PHONY: demo test test-dear lint bench clean

demo: .venv/.demo
	$(BIN)/python examples/cnn_images/demo.py

test: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m "not dear"

test-dear: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m dear

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done

.venv/.base: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hpo_bridge needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# torch first, and pinned: nothing that follows can then pull in another build of it.
	$(INSTALL) "$$(grep '^torch==' constraints.txt)"
	touch $@

.venv/.demo: .venv/.base pyproject.toml
	$(INSTALL) -e ".[optuna,torch,views]"
	touch $@

.venv/.dev: .venv/.base pyproject.toml
	$(INSTALL) -e ".[dev]"
	touch $@ .venv/.demo

clean:
	rm -rf .venv
