# Every command there is. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
RIVALS := $(VENV)/.rivals
SPARK := $(VENV)/.spark

.DEFAULT_GOAL := help

.PHONY: bench bench-pages browser check clean demo docs format help install java lock postgresql screenshots serve simulate test test-spark

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A venv needs Debian's python3-venv; say so rather than fail in ensurepip.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version 2>&1). Use make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian: apt-get install -y python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	$(BIN)/pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

install: $(RUNTIME) ## Make .venv and install Heedful into it.

demo: $(RUNTIME) ## Simulate a company for a year in demo/, measure it, and open its dashboard.
	$(BIN)/heedful demo demo
	$(BIN)/heedful serve -p demo

serve: $(RUNTIME) ## Open the dashboard of demo/ again.
	$(BIN)/heedful serve -p demo

test: $(DEV) check ## Install what tests need, check types, style and layers, run all tests.
	$(BIN)/pytest -q -n auto --dist loadfile

browser: ## Install Debian's chromium, with which tests look at pages (needs root).
	@command -v chromium >/dev/null || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium; }

postgresql: ## Install Debian's PostgreSQL, with which tests try the ledger and sources (needs root).
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql; }

java: ## Install Debian's Java 17, on which Spark runs (needs root).
	@command -v java >/dev/null || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends openjdk-17-jre-headless; }

$(SPARK): requirements-spark.lock $(DEV)
	$(BIN)/pip install -q --require-hashes -r requirements-spark.lock
	@touch $@

test-spark: java $(SPARK) ## Start a Spark cluster here, and compare every fact and KPI with DuckDB.
	$(BIN)/pytest -q tests/spark/test_parity.py
	$(BIN)/pytest -q tests/spark/test_sql.py

check: $(DEV) ## Ruff, mypy --strict and the layer contract.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DEV) ## Write the generated pages of docs/ anew.
	$(BIN)/python -m heedful.facts.reference > docs/facts.md
	$(BIN)/python -m heedful.kpis.reference > docs/kpis.md
	$(BIN)/python -m heedful.store.reference > docs/tables.md
	$(BIN)/python -m heedful.surveys.reference > docs/instruments.md
	$(BIN)/python -m heedful.store.format_reference > docs/formats.md

screenshots: $(DEV) ## Take the README's pictures anew, from demo/ (needs chromium).
	$(BIN)/python docs/screenshots.py demo

lock: $(DEV) ## Resolve all dependencies anew: names, versions, hashes.
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -U -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -U -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group bench --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -U -o requirements-bench.lock
	$(BIN)/uv pip compile pyproject.toml --group spark --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -U -o requirements-spark.lock

simulate: $(DEV) ## Measure error rates of all intervals by simulation; writes the tables of docs/ anew.
	$(BIN)/python benchmarks/simulate.py
	$(BIN)/python benchmarks/action_outcomes.py

$(RIVALS): requirements-bench.lock $(DEV)
	$(BIN)/pip install -q --require-hashes -r requirements-bench.lock
	@touch $@

bench-pages: $(DEV) ## Measure pages over demo/ with a million readings; see benchmarks/README.md.
	$(BIN)/python benchmarks/page_speed.py demo

bench: $(RIVALS) ## Measure speed beside rivals; see benchmarks/README.md.
	$(BIN)/python benchmarks/import_speed.py
	$(BIN)/python benchmarks/masking_speed.py
	$(BIN)/python benchmarks/experiment_speed.py
	$(BIN)/python benchmarks/street_speed.py

clean: ## Remove what the other commands made.
	rm -rf $(VENV) demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
