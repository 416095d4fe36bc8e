# The front doors. Each sets up what it needs: on a fresh Debian machine, Python 3.11, make and git are enough.

PYTHON ?= python3
DEMO ?= vascu-demo
CORES ?= 2
BIN := .venv/bin

.PHONY: help demo test slow lint docs bench fresh clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

demo: .venv/ready ## the main job: the bundled study on virtual people, up to its report
	$(BIN)/trialrun demo --out $(DEMO) --seed 1
	@scripts/show $(DEMO)/report.html

test: .venv/ready ## every test but the slow ones
	@scripts/system-packages browser
	@$(BIN)/ruff check --quiet .
	$(BIN)/pytest -n $(CORES) --dist loadgroup

slow: .venv/ready ## the tests that take minutes
	$(BIN)/pytest -n $(CORES) -m slow

lint: .venv/ready ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/ready ## run the examples of the documentation
	$(BIN)/pytest tests/docs

bench: .venv/ready ## measure against peers, in the same run
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python bench/run.py

fresh: ## prove demo and test in an empty Debian, from a clean clone (needs root)
	scripts/fresh

clean: ## remove what was made here, the environment too
	rm -rf .venv build dist $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) scripts/system-packages
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
