# Two commands matter: `make demo` and `make test`. Each sets up all that it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
OPINIONS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/flatfile-exporter
DIST ?= dist
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help demo stack test lint unit bench soak fuzz generate pictures sbom format lock clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime ## Run the exporter against an emulated account, without a credential
	@$(BIN)/flatfile-exporter demo

stack: $(VENV)/.test ## The demo with Prometheus, Alertmanager and a receiver that prints
	@tests/peers/install
	@$(BIN)/python -m tests.peers.stack

test: $(VENV)/.test ## Install what the tests need, then run every check there is
	@tests/peers/install
	@tests/rules/second-opinions $(OPINIONS) >/dev/null
	@tests/grafana/tools $(OPINIONS) >/dev/null
	@tests/deploy/tools $(OPINIONS) >/dev/null
	@$(MAKE) --no-print-directory lint unit

lint: $(VENV)/.test ## Check style, types and floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.test ## Run the tests, on every core
	@PATH="$$PATH:$(OPINIONS)/bin" $(BIN)/pytest -n auto --dist worksteal

bench: $(VENV)/.test ## Print what things cost, as ratios measured in this run
	@tests/peers/install nginx
	$(BIN)/python -m tests.benchmarks

soak: $(VENV)/.test ## The daemon under troubles for HOURS (1), then KILLS (1000) of the audit log's writer
	$(BIN)/python -m tests.chaos.soak --hours $(or $(HOURS),1)
	$(BIN)/python -m tests.audit.soak --kills $(or $(KILLS),1000)

fuzz: $(VENV)/.test ## Look for inputs that break a promise: TARGETS="feeds request" SECONDS=600
	@$(PIP) install --require-hashes -r tests/fuzz/requirements.lock
	$(BIN)/python -m tests.fuzz $(TARGETS) --seconds $(or $(SECONDS),60)

generate: $(VENV)/.test ## Write again all that is generated: tables, rules, scenarios, examples
	$(BIN)/python -m grafana
	$(BIN)/python -m exporter.reference
	$(BIN)/python -m tests.rules
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

pictures: $(VENV)/.test ## Take the pictures of the dashboards and of the page again
	$(BIN)/python -m tests.grafana.pictures

sbom: $(VENV)/.test ## Write dist/flatfile-exporter.cdx.json: what an installation consists of (CycloneDX)
	@rm -rf $(DIST)/sbom && mkdir -p $(DIST)/sbom
	@$(PIP) download --only-binary :all: --require-hashes -r deploy/requirements.lock -d $(DIST)/sbom
	@$(PIP) wheel --no-index --no-deps --no-build-isolation -w $(DIST)/sbom .
	@$(PYTHON) -m venv --without-pip $(DIST)/sbom/env
	@$(PIP) --python $(DIST)/sbom/env/bin/python install --no-index --find-links $(DIST)/sbom 'flatfile-exporter[audit]'
	@version=$$($(BIN)/python -c 'import exporter; print(exporter.__version__)') && \
	  sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml >$(DIST)/sbom/pyproject.toml
	@$(BIN)/cyclonedx-py environment --pyproject $(DIST)/sbom/pyproject.toml --mc-type application \
	  --output-reproducible -o $(DIST)/flatfile-exporter.cdx.json $(DIST)/sbom/env/bin/python
	@rm -rf $(DIST)/sbom && echo "wrote $(DIST)/flatfile-exporter.cdx.json"

format: $(VENV)/.test ## Format the source
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

lock: $(VENV)/.test ## Pin the newest dependencies, with hashes and without index addresses
	$(PIP) install uv
	$(BIN)/$(COMPILE) pyproject.toml --extra audit --group build -o deploy/requirements.lock
	$(BIN)/$(COMPILE) pyproject.toml --extra audit --group test -o tests/requirements.lock
	$(BIN)/$(COMPILE) --group fuzz -o tests/fuzz/requirements.lock

clean: ## Remove what these commands made
	rm -rf $(VENV) tests/emulator/vendor/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis data $(DIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11; say which to use: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/peers/install venv
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml deploy/requirements.lock | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(PIP) install --require-hashes -r deploy/requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: pyproject.toml tests/requirements.lock | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(PIP) install --require-hashes -r tests/requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime
