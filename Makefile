# The whole workflow; `make` alone lists it. Needs make (GNU 3.81, macOS's, will do), a POSIX shell and Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := mlm_jupyter tests examples

# The newest Python that really runs: a version manager's shim for a version that is not installed exists, but fails.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$name"; break; fi; done)

.PHONY: help install demo lab test test-extras lint types format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## make .venv and install the project into it, editable

$(STAMP): pyproject.toml package.json
	@python="$(PYTHON)"; if [ -z "$$python" ]; then \
		echo "No working Python 3.11, 3.12, 3.13 or 3.14 (with its venv module) is on the PATH: install one, or say PYTHON=/path/to/python3." >&2; \
		exit 1; fi; \
	"$(BIN)/python" --version >/dev/null 2>&1 || "$$python" -m venv --clear "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --editable ".[lab,dev]"
	@touch "$(STAMP)"

demo: $(STAMP) ## run the tour notebook headless in build/demo, show what was kept, bring it back in a fresh kernel
	@mkdir -p build/demo && cp examples/tour.ipynb build/demo/ && $(BIN)/mlm init build/demo
	$(BIN)/mlm execute build/demo/tour.ipynb
	cd build/demo && ../../$(BIN)/mlm history -n 12 && ../../$(BIN)/mlm runs
	cd build/demo && ../../$(BIN)/mlm diff latest~9 latest --only variables,metrics
	$(BIN)/python examples/in_a_fresh_kernel.py build/demo

lab: $(STAMP) ## open the tour notebook in JupyterLab
	@mkdir -p build/demo && [ -f build/demo/tour.ipynb ] || cp examples/tour.ipynb build/demo/
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) build/demo/tour.ipynb

test: $(STAMP) ## every test that needs no optional library
	$(BIN)/python -m pytest

test-extras: $(STAMP) ## the same tests with torch, polars and xgboost installed, where they can be
	$(BIN)/python .ci/install-extras
	$(BIN)/python -m pytest

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

clean: ## remove .venv, build output and caches
	rm -rf "$(VENV)" build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mlm_jupyter tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
