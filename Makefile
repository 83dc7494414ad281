# Two commands: `make demo` and `make test`, and `make docs` for the documentation. All make their own environment in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    ?= runs/demo

INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile
LIBRARY := -e '.[io,plot,view,surface,completion]'
MODELS  := -e 'packages/symfft-models[vae,compressors,novelty]'

# Bytecode of installed packages is written by all cores, after pip, which has one; commands that tests start read it.
# What nothing here imports, two fifths of all, is left out.
UNUSED  := tests?|iotbx|mmtbx|plotly|pip|scitbx|rstbx|crys3d|mypyc?|setuptools|torchgen|_inductor|_internal|devtools|lexers
UNUSED  := $(UNUSED)|physics|algorithms|calculators|narwhals|imageio|rich|huggingface_hub
COMPILE := $(BIN)/python -W ignore -m compileall -qq -j 0 -x '/($(UNUSED))/' $(VENV)/lib
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test types suite warm docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/symfft-vae demo --out $(RUN)

test: $(VENV)/installed-library
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 $(VENV)/installed-dev warm types suite

# Side by side: what the library and types need is there while pip, which has one core, installs the models' packages;
# tests that wait for something leave time for types.
warm: $(VENV)/installed-library
	$(BIN)/symfft warmup --jobs 1

types: warm
	$(BIN)/mypy
	$(BIN)/lint-imports

suite: $(VENV)/installed-dev warm
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

docs: $(VENV)/installed-docs
	$(BIN)/sphinx-build -W --keep-going -j auto docs docs/_build/html

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "symfft needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

NEEDS := pyproject.toml packages/symfft-models/pyproject.toml constraints.txt

$(VENV)/installed $(VENV)/installed-docs: $(NEEDS) | $(BIN)/python
	$(INSTALL) 'pip>=25.1'
	$(INSTALL) -c constraints.txt $(LIBRARY) $(MODELS) $(GROUP)
	@$(COMPILE) || true
	@touch $(VENV)/installed $@

$(VENV)/installed-docs: GROUP := --group docs

$(VENV)/installed-library: $(NEEDS) | $(BIN)/python
	$(INSTALL) 'pip>=25.1'
	$(INSTALL) -c constraints.txt -e '.[io,plot,surface]' --group lint
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed-library
	$(INSTALL) -c constraints.txt $(MODELS) --group test
	@$(COMPILE) || true
	@touch $(VENV)/installed $@

clean:
	rm -rf $(VENV) docs/_build docs/api/generated docs/examples/generated
