.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e ".[samples,features,benchmark,ray,s3,dev,docs]"
	touch $@

help: ## Say what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

install: $(STAMP) ## Make .venv with everything in it

demo: $(STAMP) ## Build a first dataset, with its card and a picture of it
	$(BIN)/synthmammo build recipes/balanced_calc.yaml

test: $(STAMP) ## Run the tests
	$(BIN)/pytest -n 2 -m "not slow and not gpu"

slow: $(STAMP) ## Run the tests that take minutes
	$(BIN)/pytest -n 2 -m slow

lint: $(STAMP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## Measure the numbers in docs/performance.md; REFERENCE=FOLDER, a published StyleGAN2 beside ours
	$(BIN)/python -m benchmarks.bench $(if $(wildcard $(REFERENCE)),--reference $(REFERENCE))

docs: $(STAMP) ## Write the reference and the schema from the code; build the pages into build/docs, strictly
	$(BIN)/python -m tools.reference --write
	$(BIN)/python -m tools.rooms --write
	$(BIN)/python -m tools.labels --write
	$(BIN)/sphinx-build -W --keep-going -n -b html docs build/docs

fuzz: $(STAMP) ## Give 100,000 damaged inputs to every reader; INPUTS=NUMBER; READER=NAME for one; GUIDED=1 with atheris
	$(BIN)/python -m tools.fuzz $(READER) --inputs $(or $(INPUTS),100000) $(if $(GUIDED),--guided)

golden: $(STAMP) ## Write the golden values again, where pixels are meant to change; the pixels version is raised with it
	$(BIN)/python -m tools.golden --write

cover: $(STAMP) ## Run the tests, say which lines they leave out, fail below the floor; what CI runs
	$(BIN)/pytest -n 2 -m "not slow and not gpu" --cov --cov-report=term

.PHONY: help install demo test slow lint bench docs fuzz golden cover
