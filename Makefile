# make book | test | notebooks | clean, all in one environment (.venv, Python 3.11) that the first of them makes.
# make book EXECUTE=0 builds the book from the notebooks' stored outputs.
PYTHON  ?= $(or $(shell command -v python3.11),python3)
EXECUTE ?= 1
BIN     := .venv/bin
READY   := .venv/.ready
TWO     := --numprocesses 2 --dist loadfile # files at a time

# Kernels run in another folder, where a relative path would point elsewhere.
ifdef PCREC_DATA
override PCREC_DATA := $(or $(shell cd "$(PCREC_DATA)" 2>/dev/null && pwd),$(PCREC_DATA))
export PCREC_DATA
endif

.PHONY: book test notebooks clean

book: $(READY)
	@$(BIN)/python -m book.build book $(if $(filter 0,$(EXECUTE)),--stored)

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/pytest $(TWO)
	PCREC_NO_TRAINING=1 $(BIN)/pytest $(TWO) --nbval --nbval-current-env notebooks
	@echo "Passed: the linter, every test, and every notebook gives the outputs stored in it."

notebooks: $(READY)
	@$(BIN)/python -m book.build notebooks

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
