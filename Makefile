# `make demo` and `make test` do all the set-up on a fresh machine: Python 3.11+, make and a network suffice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := $(shell find VirtualBiopsyCore Resources -type f -not -name '*.pyc' -not -path '*egg-info*' 2>/dev/null)
export WSLINK_WS_COMPRESS = 0
export VIRTUALBIOPSY_ORACLES ?= $(HOME)/.cache/virtualbiopsy/oracles

.PHONY: help demo test lint unit mrml browser bench screenshots files clean

help:
	@echo "make demo         start the browser application; its start page offers simulated sample cases"
	@echo "make test         lint, unit, MRML and browser tests"
	@echo "make bench        time the engine against pyradiomics; writes build/bench.json"
	@echo "make screenshots  draw the pictures of the README again"
	@echo "make files        bring the file lists of CMake up to date"
	@echo "make clean        remove what make made"

demo: $(VENV)/web.done
	@$(BIN)/python -m virtualbiopsy.web.preflight --install
	$(BIN)/python -m virtualbiopsy.web

test: lint unit mrml browser

lint: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: $(VENV)/test.done
	$(BIN)/python -m pytest -q -n 2 --dist loadfile Testing/Python

mrml: $(VENV)/test.done
	@$(BIN)/python -m virtualbiopsy.web.preflight --install
	$(BIN)/python -m pytest -q -n 2 --dist loadfile Testing/MRML

browser: $(VENV)/test.done
	@$(BIN)/python -m virtualbiopsy.web.preflight --install --browser
	$(BIN)/python -m pytest -q Testing/Browser

bench: $(VENV)/test.done
	$(BIN)/python Testing/Benchmarks/bench.py

screenshots: $(VENV)/test.done
	@$(BIN)/python -m virtualbiopsy.web.preflight --install --browser
	$(BIN)/python Testing/Browser/make_screenshots.py

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "VirtualBiopsy needs Python 3.11 or later; $(PYTHON) is older. Try: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PIP) --upgrade pip
	@touch $@

$(VENV)/web.done: $(VENV)/made pyproject.toml $(SOURCES)
	@echo "Installing the browser application (about 420 MB the first time) …"
	@rm -rf build/lib
	@$(PIP) ".[web,simulate,train,cohort]"
	@$(PIP) --force-reinstall --no-deps .
	@touch $@

$(VENV)/test.done: $(VENV)/web.done pyproject.toml
	@echo "Installing what the tests need …"
	@$(PIP) ".[web,simulate,train,boost,cohort,fast,test]"
	@touch $@

files:
	$(PYTHON) Testing/update_cmake_lists.py

clean:
	rm -rf $(VENV) build VirtualBiopsyCore/*.egg-info
