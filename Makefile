# All targets share one environment (.venv), which the first of them makes from requirements.txt.
# make book EXECUTE=0 builds the book from the notebooks' stored outputs.
VERSIONS := 3.11 3.12 3.13
PYTHON  ?= $(or $(shell for v in $(VERSIONS); do python$$v -c '' 2>/dev/null && echo python$$v && break; done),python3)
EXECUTE ?= 1
BIN     := .venv/bin
READY   := .venv/.ready
TWO     := --numprocesses 2 --dist loadfile # files at a time
FAST    := -m "not slow and not book and not dask"

# Kernels run in another folder, where a relative path would point elsewhere.
ifdef PCREC_DATA
override PCREC_DATA := $(or $(shell cd "$(PCREC_DATA)" 2>/dev/null && pwd),$(PCREC_DATA))
export PCREC_DATA
endif

.DEFAULT_GOAL := help
.PHONY: help quick test lint book book-check links notebooks clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quick: lint  ## linter, import rules, types and the fast tests: under two minutes on two cores
	$(BIN)/pytest $(TWO) $(FAST)

test: lint  ## the same, with every test, its coverage, and every notebook: about 15 minutes
	$(BIN)/pytest $(TWO) --cov
	PCREC_NO_TRAINING=1 $(BIN)/pytest $(TWO) --nbval --nbval-current-env notebooks
	@echo "Passed: lint, types, every test, and every notebook gives the outputs stored in it."

lint: $(READY)  ## linter, import rules and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

book: $(READY)  ## execute the notebooks and build the pages into _build/html; EXECUTE=0: stored outputs
	@$(BIN)/python -m book.build book $(if $(filter 0,$(EXECUTE)),--stored)

book-check: $(READY)  ## look at every page in a browser (Debian's chromium), at three widths and in both modes
	$(BIN)/pytest tests/book/test_browser.py tests/book/test_browser_try.py

links: book  ## build the book, then ask the network for every address that its pages name
	PYTHONPATH=. $(BIN)/jupyter-book build _build/stage --path-output _build/links --builder linkcheck

notebooks: $(READY)  ## execute the notebooks where they are, for those who write them
	@$(BIN)/python -m book.build notebooks

clean:  ## remove what was built and cached
	rm -rf _build .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.exit(v not in "$(VERSIONS)".split() and "One of Python $(VERSIONS) is needed, not " + v + ": make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
