# The whole workflow; `make` alone lists it. Needs make (GNU 3.81, macOS's, will do), a POSIX shell and Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE_MODULES := node_modules/.package-lock.json
FRONTEND := mlm_jupyter/labextension/package.json
LINKED := $(VENV)/.linked
WHEEL := dist/.built
UI := build/ui
OLDEST := build/oldest
COLLABORATION := build/collaboration
CODE := mlm_jupyter tests examples
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal
TOUR := mkdir -p build/demo && { [ -f build/demo/tour.ipynb ] || cp examples/tour.ipynb build/demo/; }

# The newest Python that really runs: a version manager's shim for a version that is not installed exists, but fails.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$name"; break; fi; done)

.PHONY: help install frontend demo lab test test-python test-frontend test-ui test-collaboration test-extras wheel lint types format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## make .venv and install the project into it, editable

$(STAMP): pyproject.toml package.json
	@python="$(PYTHON)"; if [ -z "$$python" ]; then \
		echo "No working Python 3.11, 3.12, 3.13 or 3.14 (with its venv module) is on the PATH: install one, or say PYTHON=/path/to/python3." >&2; \
		exit 1; fi; \
	"$(BIN)/python" --version >/dev/null 2>&1 || "$$python" -m venv --clear "$(VENV)"
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 "$(BIN)/python" -m pip install --quiet --editable ".[lab,dev]"
	@touch "$(STAMP)"

frontend: $(LINKED) ## build the JupyterLab half and link it into .venv

$(NODE_MODULES): package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is not on the PATH: install node 20 or newer, the JupyterLab half is built with it." >&2; exit 1; }
	npm ci --silent
	@touch "$@"

$(FRONTEND): $(NODE_MODULES) $(STAMP) tsconfig.json $(shell find src -type f)
	PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build
	@touch "$@"

# Where the link belongs, an editable install has put a folder with what the wheel would carry beside the build.
$(LINKED): $(FRONTEND) $(STAMP)
	@cd "$(VENV)/share/jupyter/labextensions" && rm -rf mlm-jupyter && ln -s "$(CURDIR)/mlm_jupyter/labextension" mlm-jupyter
	@touch "$@"

demo: $(STAMP) ## run the tour notebook headless in build/demo, show what was kept, bring it back in a fresh kernel
	@$(TOUR) && $(BIN)/mlm init build/demo
	$(BIN)/mlm execute build/demo/tour.ipynb
	cd build/demo && ../../$(BIN)/mlm history -n 12 && ../../$(BIN)/mlm runs
	cd build/demo && ../../$(BIN)/mlm diff ridge forest --only variables,metrics
	$(BIN)/python examples/in_a_fresh_kernel.py build/demo

lab: export JUPYTERLAB_WORKSPACES_DIR := $(CURDIR)/build/workspaces
lab: $(LINKED) ## open the tour notebook in JupyterLab, with its history beside it
	@$(TOUR)
	@[ -d build/workspaces ] || $(BIN)/jupyter lab workspaces import binder/tour.jupyterlab-workspace
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.default_url=/lab/workspaces/tour/tree/tour.ipynb build/demo

test: lint types test-python test-frontend test-ui ## everything a change must pass but the optional libraries

test-python: $(STAMP) $(UI)/.installed ## pytest: every test that needs no optional library
	$(PYTEST)

test-frontend: $(NODE_MODULES) ## jest: the models, formats and panels of src/
	npm test --silent

test-ui: $(UI)/.installed $(OLDEST)/.installed ## Playwright: journeys in a real browser, against the installed wheel
	@browser=$$(.ci/browser) || { echo "The browser tests did not run." >&2; [ -z "$$CI" ]; exit; }; \
	PATH="$(CURDIR)/$(UI)/bin:$$PATH" CHROMIUM="$$browser" \
		MLM_OLDEST_JUPYTER="$(CURDIR)/$(OLDEST)/bin/jupyter" npm run --silent test:ui

$(UI)/.installed: $(WHEEL)
	rm -rf "$(UI)" && $(BIN)/python -m venv "$(UI)"
	"$(UI)/bin/python" -m pip install --quiet "$$(ls dist/*.whl)[lab]" notebook scikit-learn matplotlib
	@touch "$@"

$(OLDEST)/.installed: $(WHEEL)
	rm -rf "$(OLDEST)" && $(BIN)/python -m venv "$(OLDEST)"
	"$(OLDEST)/bin/python" -m pip install --quiet "$$(ls dist/*.whl)[lab]" "jupyterlab==4.4.*"
	@touch "$@"

test-collaboration: $(COLLABORATION)/.installed ## two people in one notebook, in a real browser, with jupyter-collaboration
	@browser=$$(.ci/browser) && PATH="$(CURDIR)/$(COLLABORATION)/bin:$$PATH" CHROMIUM="$$browser" \
		MLM_COLLABORATION_JUPYTER=jupyter npm run --silent test:ui -- --project collaboration

$(COLLABORATION)/.installed: $(WHEEL)
	rm -rf "$(COLLABORATION)" && $(BIN)/python -m venv "$(COLLABORATION)"
	"$(COLLABORATION)/bin/python" -m pip install --quiet "$$(ls dist/*.whl)[lab]" jupyter-collaboration
	@touch "$@"

wheel: $(WHEEL) ## build the source distribution and the wheel into dist/

$(WHEEL): $(NODE_MODULES) $(STAMP) pyproject.toml $(shell find src mlm_jupyter -type f -not -path '*/labextension/*' -not -name '*.pyc')
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/wheel
	@touch "$@"

test-extras: $(STAMP) ## the same tests with torch, polars, xgboost and others installed, where they can be
	$(BIN)/python .ci/install-extras
	$(PYTEST)

lint: $(STAMP) $(NODE_MODULES) ## rules and format of Python, TypeScript and CSS
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	npm run --silent lint

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

format: $(STAMP) $(NODE_MODULES) ## let ruff, prettier and eslint mend what they can
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	npm run --silent format
	npm run --silent lint:code -- --fix

clean: ## remove .venv, build output and caches
	rm -rf "$(VENV)" node_modules build dist lib mlm_jupyter/labextension tsconfig.tsbuildinfo .eslintcache .stylelintcache .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mlm_jupyter tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
