# `make run` judges the reference server; `make test` runs every check and test. Both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Quiet pip, and no question whether a newer one exists.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test bench survival clean
.DELETE_ON_ERROR:

run: $(VENV)/installed
	@echo "» msgcheck run: the reference server against every scenario"
	@$(BIN)/msgcheck run

test: $(VENV)/installed-test
	@echo "» ruff: lint and format"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "» mypy: strict types"
	@$(BIN)/mypy
	@echo "» msgcheck lint: the scenarios"
	@$(BIN)/msgcheck lint
	@echo "» pytest: each part, on all cores"
	@$(BIN)/pytest --numprocesses auto --ignore tests/e2e tests
	@echo "» pytest: the whole, with real processes, two at a time"
	@$(BIN)/pytest --numprocesses 2 --dist loadfile -m side_by_side tests/e2e
	@echo "» pytest: the whole, one after the other"
	@$(BIN)/pytest -m "not side_by_side" tests/e2e

bench: $(VENV)/installed
	@$(BIN)/msgcheck bench

# What runs for seconds under `make test`, for minutes: fifty kills, large crowds, an hour's soak.
survival: $(VENV)/installed-test
	@MSGCHECK_SURVIVAL=minutes $(BIN)/pytest --capture=no tests/survival

$(VENV)/made:
	@echo "» a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "msgcheck needs Python 3.11 or newer; try make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made pyproject.toml
	@echo "» installing msgcheck and what it needs"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/made pyproject.toml
	@echo "» installing msgcheck with its test tools"
	@$(PIP) install --editable '.[test]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) msgcheck-report repeat-report .mypy_cache .ruff_cache .pytest_cache .hypothesis
