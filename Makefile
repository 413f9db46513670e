# Everything that is done with this repository. It needs Python 3.11+ and make; .venv makes itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet install
PACKAGES := wire mesh db orders_svc world_bridge ups_bridge storefront sim proof minimart
# Tests make a database each, of some 300 files: in memory, where there are 8 GB of it, that is done fifteen times as fast.
SCRATCH := $(shell df -k /dev/shm 2>/dev/null | awk 'END { exit !($$4 > 8000000) }' && echo /dev/shm || echo $${TMPDIR:-/tmp})
# Tests wait for processes and for time about as long as they compute: two for each processor.
WORKERS := $(shell echo $$(( $$($(PYTHON) -c 'import os; print(os.cpu_count() or 1)') * 2 )))
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## Show what can be made
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: .venv/.runtime ## Start the whole shop; Ctrl-C stops it (ARGS="--port 8000 ..." is handed on)
	@$(BIN)/minimart up $(ARGS)

.PHONY: test
test: .venv/.dev ## Run everything: lint and all tests (on Debian as root, also fetch what they need)
	@.ci/prepare
	@TMPDIR=$(SCRATCH) $(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

.PHONY: lint
lint: lint-ruff lint-format lint-mypy lint-buf lint-breaking lint-gen ## Check style, types, contracts and generated code

.PHONY: lint-ruff lint-format lint-mypy lint-buf lint-breaking lint-gen
lint-ruff: .venv/.dev
	@$(BIN)/ruff check --quiet .
lint-format: .venv/.dev
	@$(BIN)/ruff format --quiet --check . || { echo "some files are not formatted: make format"; exit 1; }
lint-mypy: .venv/.dev
	@$(BIN)/mypy --no-error-summary $(PACKAGES)
lint-buf: .venv/.dev
	@$(BIN)/buf lint
lint-breaking: .venv/.dev
	@$(BIN)/python proto/breaking.py
lint-gen: .venv/.dev
	@$(BIN)/python proto/generate.py --check
	@$(BIN)/python proto/document.py --check

.PHONY: format
format: .venv/.dev ## Format the code and repair what can be repaired by itself
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: gen
gen: .venv/.dev ## Make gen/ and docs/api/ from proto/
	@$(BIN)/python proto/generate.py
	@$(BIN)/python proto/document.py

.PHONY: baseline
baseline: .venv/.dev ## Hold today's contracts against every change from now on (FORCE=1: also if they break)
	@$(BIN)/python proto/breaking.py --accept $(if $(FORCE),--force)

.PHONY: bench
bench: .venv/.dev ## Measure, each figure against its yardstick (ARGS="--json" for JSON)
	@$(BIN)/python -m proof.bench $(ARGS)

.PHONY: screenshots
screenshots: .venv/.dev ## Take the pictures in docs/screenshots anew
	@$(BIN)/pytest tests/browser/test_purchase.py tests/browser/test_pages.py --screenshots docs/screenshots

.PHONY: clean
clean: ## Remove what was made here; the shop's data in var/ stay
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist test-artifacts *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv: ## Make the virtual environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "Python's venv module is needed (Debian: apt-get install python3-venv)"; exit 1; }

# What the shop needs to run; made again when pyproject.toml changes.
.venv/.runtime: pyproject.toml | .venv
	@echo "installing what the shop needs (the first time only) ..."
	@$(PIP) --editable .
	@touch $@

# What working on it needs as well.
.venv/.dev: pyproject.toml | .venv
	@echo "installing what the tests need (the first time only) ..."
	@$(PIP) --editable '.[dev]'
	@touch .venv/.runtime $@
