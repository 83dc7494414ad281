# Two commands: `make demo` and `make test`, and `make docs` for the documentation. All make their own environment in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    ?= runs/demo

INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile
HERE   := -e '.[io,plot,view,surface,completion]' -e 'packages/symfft-models[vae,compressors]'

# Bytecode of installed packages is written by all cores, after pip, which has one; commands that tests start read it.
# What nothing here imports, a quarter of all, is left out.
UNUSED  := tests|iotbx|mmtbx|plotly|pip|scitbx
COMPILE := $(BIN)/python -W ignore -m compileall -qq -j 0 -x '/($(UNUSED))/' $(VENV)/lib
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test types suite docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/symfft-vae demo --out $(RUN)

test: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 types suite

# Side by side: tests that wait for something leave time for types.
types:
	$(BIN)/mypy
	$(BIN)/lint-imports

suite:
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

docs: $(VENV)/installed-docs
	$(BIN)/sphinx-build -W --keep-going -j auto docs docs/_build/html

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "symfft needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed $(VENV)/installed-dev $(VENV)/installed-docs: pyproject.toml packages/symfft-models/pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) 'pip>=25.1'
	$(INSTALL) -c constraints.txt $(HERE) $(GROUP)
	@$(COMPILE) || true
	@touch $(VENV)/installed $@

$(VENV)/installed-dev: GROUP := --group dev
$(VENV)/installed-docs: GROUP := --group docs

clean:
	rm -rf $(VENV) docs/_build docs/api/generated docs/examples/generated
