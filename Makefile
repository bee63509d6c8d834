# `make help` lists the commands. Each makes what it needs: see README.md for what must be there.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# Packages are compiled once, whatever the terminal says: it makes every start two times faster.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/.packages-of-lock
READY := $(VENV)/.ready
AIRFLOW := $(VENV)/.apache-airflow==3.3.2
REFTRACE := $(VENV)/.reftrace==0.6.0
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CODE := runlore flows tasks bentos
TEST_PROCESSES ?= 4
BENCH ?=
# A test process has one core, and so one thread.
test test-all check: export OMP_NUM_THREADS := 1
# What `make demo` and `make up` keep; other commands keep theirs under ~/.runlore.
export RUNLORE_HOME ?= $(CURDIR)/.runlore

# The first interpreter that is new enough, by name or, failing that, `python3`.
FIND_PYTHON = for name in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
    then python=$$name; break; fi; done; \
  if [ -z "$${python:-}" ]; then \
    echo "Runlore needs Python 3.11 or newer; none of python3.11, python3.12, python3.13 and" \
         "python3 is. Install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; \
    exit 1; fi

# Runs a command in silence; shows what it said when it fails.
QUIETLY = quietly() { "$$@" >$(VENV)/install.log 2>&1 || \
  { tail -n 40 $(VENV)/install.log >&2; echo "failed: $$*" >&2; exit 1; }; }; quietly

.PHONY: help
help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(READY) ## Make .venv with Runlore and its locked packages.

.PHONY: demo
demo: $(READY) ## Show all of it on a simulated job log, and the console with it until Ctrl-C.
	@$(BIN)/runlore demo

.PHONY: test
test: $(READY) ## Run the tests, also those that start servers (some 25 minutes).
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile -m "not exhaustive"

.PHONY: test-all
test-all: $(READY) ## Run all tests, also the long ones of tests/README.md.
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile

.PHONY: test-integrations
test-integrations: $(READY) $(AIRFLOW)/.ready $(REFTRACE)/.ready ## Test integrations/ within a real Airflow, too.
	@RUNLORE_TEST_AIRFLOW_PYTHON=$(CURDIR)/$(AIRFLOW)/bin/python \
	  RUNLORE_TEST_REFTRACE_PYTHON=$(CURDIR)/$(REFTRACE)/bin/python \
	  $(BIN)/pytest tests/integrations tests/flows/test_watched_flows.py

.PHONY: check
check: $(READY) ## Lint, types, import contracts, examples in docstrings, fast tests.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy examples/*.py
	@$(BIN)/mypy deployments/grafana/write_dashboards.py
	@find integrations -name '*.py' -print0 | xargs -0 $(BIN)/mypy
	@$(BIN)/lint-imports
	@grep -rl --include='*.py' --exclude-dir=api '>>> ' $(CODE) integrations | xargs $(BIN)/pytest --doctest-modules
	@$(BIN)/pytest -n $(TEST_PROCESSES) -m "not slow and not exhaustive"

.PHONY: up
up: $(READY) ## Run the stack with its pages until Ctrl-C: Prefect, MLflow, predictions.
	@$(BIN)/runlore up

.PHONY: bench
bench: $(READY) ## Measure against peers, a JSON object a line; BENCH=NAME for one.
	@for file in bench/[a-z]*.py; do \
	  subject=$$(basename "$$file" .py); \
	  [ "$$subject" != public_logs ] || continue; \
	  case "$(BENCH)" in \
	    ""|"$$subject") $(BIN)/python "$$file"; found=1 ;; \
	    "$$subject".*) $(BIN)/python "$$file" "$(BENCH)"; found=1 ;; \
	  esac; \
	done; \
	[ -n "$${found:-}" ] || { echo "bench: no $(BENCH) in bench/" >&2; exit 1; }

.PHONY: examples
examples: $(READY) ## Write the response examples of OpenAPI anew, out of a service that runs.
	RUNLORE_WRITE_EXAMPLES=1 $(BIN)/pytest -q tests/bentos/test_response_examples.py

.PHONY: lock
lock: ## Resolve the dependencies anew into requirements.lock (needs a package index).
	@$(FIND_PYTHON); folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	"$$python" -m venv "$$folder"; \
	"$$folder/bin/pip" --disable-pip-version-check --quiet install uv; \
	"$$folder/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  --extra all --extra dev pyproject.toml --output-file requirements.lock

.PHONY: wheel
wheel: ## Make dist/runlore-….whl, for pip install.
	@rm -rf dist
	@$(FIND_PYTHON); "$$python" -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

.PHONY: clean
clean: ## Remove the environment and caches; what is in RUNLORE_HOME stays.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find $(CODE) tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(PACKAGES): requirements.lock
	@$(FIND_PYTHON); \
	echo "Making $(VENV) with $$("$$python" --version): some 230 packages, a minute or two"; \
	"$$python" -m venv --clear $(VENV); \
	$(QUIETLY) $(PIP) install --no-deps --require-hashes -r requirements.lock; \
	touch $@

# An environment of its own, named after the package in it: `.NAME==VERSION`.
$(AIRFLOW)/.ready $(REFTRACE)/.ready: $(PACKAGES)
	@$(FIND_PYTHON); folder=$(@D); package=$${folder##*/.}; \
	echo "Making an environment with $$package: up to some minutes"; \
	"$$python" -m venv --clear "$$folder"; \
	$(QUIETLY) "$$folder/bin/pip" --disable-pip-version-check --quiet install "$$package"; \
	touch $@

$(READY): $(PACKAGES) pyproject.toml
	@$(QUIETLY) $(PIP) install --no-deps --no-build-isolation --editable .; \
	touch $@
