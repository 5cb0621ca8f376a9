# What a reader types. Every target can be run twice; stamps in .venv/ say what is already there.
# Nothing here needs the network but pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
OUT    ?= out
SOURCE := $(shell find src -type f -not -name '*.pyc' 2>/dev/null)

# Tests and demo use the installed wheel; a stray PYTHONPATH=src would hide a packaging fault.
unexport PYTHONPATH
export MPLBACKEND := Agg

.PHONY: help demo test test-torch test-all check oracles docs bench targets clean
.DELETE_ON_ERROR:

help:                ## this list
	@grep -E '^[a-z-]+: .*##' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# ---------------------------------------------------------------- environment and wheel
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "mossy needs Python 3.11 or newer; got $$($(PYTHON) --version). Try: make PYTHON=python3.11" >&2; exit 1; }
	@echo "creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/wheel.stamp: $(SOURCE) pyproject.toml README.md LICENSE | $(BIN)/python
	@echo "building the wheel"
	@rm -rf dist/*.whl
	@$(PIP) wheel --quiet --no-deps --wheel-dir dist .
	@touch $@

# Extras first (slow, rarely changes), then the wheel itself (fast, changes with every edit).
$(VENV)/%.stamp: pyproject.toml $(VENV)/wheel.stamp
	@if [ ! -e $@ ] || [ pyproject.toml -nt $@ ]; then \
	  echo "installing mossy[$*] and what it needs"; \
	  $(PIP) install --quiet "$$(ls dist/mossy-*.whl)[$*]"; fi
	@$(PIP) install --quiet --no-deps --force-reinstall dist/mossy-*.whl
	@touch $@

# ---------------------------------------------------------------- what people run
demo: $(VENV)/report.stamp          ## digits on two chips and a CPU: one table, two pictures in out/
	@$(BIN)/mossy compare digits --on spinnaker2,loihi1,cpu --out $(OUT)/

check: $(VENV)/dev.stamp            ## style, types and import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check                         ## check, then the fast tests, on the installed wheel
	$(BIN)/pytest
	@if [ -x .oracles/torch/bin/python ]; then $(MAKE) --no-print-directory test-torch; fi

# The importers of PyTorch modules, where `make oracles` has made an environment that has PyTorch.
test-torch: $(VENV)/wheel.stamp
	@.oracles/torch/bin/python -m pip install --quiet --disable-pip-version-check \
	  --force-reinstall --no-deps dist/mossy-*.whl
	.oracles/torch/bin/python -m pytest tests/importers/test_torch.py

test-all: check                     ## the same with the slow tests
	$(BIN)/pytest -m ""

oracles:                            ## environments for the programs mossy is checked against
	bash tests/oracles/make_envs.sh

docs: $(VENV)/docs.stamp            ## the manual, warnings as errors, into docs/_build/html
	$(BIN)/sphinx-build --quiet -W --keep-going -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

bench: $(VENV)/report.stamp         ## timings of our own code
	$(BIN)/python -m benchmarks

targets: $(VENV)/report.stamp $(VENV)/cluster.stamp  ## every target beside its peers, in one table; hours
	$(BIN)/python -m benchmarks.targets

clean:                              ## forget builds and environments
	rm -rf $(VENV) .oracles build dist $(OUT) docs/_build docs/reference/generated
