# Every target sets up what it needs in .venv; PYTHON names the interpreter that makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test tools lint lowest audit bench soak fuzz models figures clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

## check a real draft: the findings, then the same as JSON
demo: $(READY)
	@echo '$$ spoilerguard check data/examples/the-glass-orchard.md'
	@$(BIN)/spoilerguard check data/examples/the-glass-orchard.md --exit-zero
	@echo
	@echo '$$ spoilerguard check data/examples/the-glass-orchard.md --format json'
	@$(BIN)/spoilerguard check data/examples/the-glass-orchard.md --format json --exit-zero

test: $(READY)
	$(BIN)/python -m pytest

## what builds sites, for the tests that build real ones: Hugo, Jekyll and PHP from Debian (as root), MkDocs from PyPI,
## Eleventy and MDX from npm; without them, those tests are skipped by name
tools: $(READY)
	apt-get update && apt-get install -y --no-install-recommends hugo jekyll php-cli nodejs npm
	$(BIN)/python -m pip install --quiet --upgrade --target cache/tools/python 'mkdocs>=1.6,<2'
	mkdir -p cache/tools/npm && npm install --silent --prefix cache/tools/npm @11ty/eleventy@3.1.8 @mdx-js/mdx@3.1.1

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## the tests under the oldest versions that pyproject.toml admits, in an environment of its own
lowest: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python tests/bench/lowest.py

## known vulnerabilities of what the package and its extras need; fails too where a package cannot be looked up
audit: $(READY)
	$(BIN)/python -m pip install --quiet pip-audit uv
	$(BIN)/python -m uv pip compile --quiet --all-extras pyproject.toml --output-file $(VENV)/audit.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement $(VENV)/audit.txt

## boundaries, growth by the clock, then speed, memory and size against what others would use
bench: $(READY)
	$(BIN)/python tests/bench/sentences.py ../shared/datasets/ewt_dev.jsonl
	$(BIN)/python -m pytest --clock -k 'clock or linear'
	$(BIN)/python tests/bench/suite.py

## ten million generated comments scanned, with a kill on the way; then flag_many and serve: an hour each or less
soak: $(READY)
	$(BIN)/python tests/bench/soak.py
	$(BIN)/python tests/bench/soak_many.py
	$(BIN)/python tests/bench/soak_serve.py

## an hour of any bytes for every reader and writer: what they break comes out, and lies in cache/fuzz/faults
fuzz: $(READY)
	$(BIN)/python tests/fuzz/run.py --minutes 60

## both models again, from data/ and the research text beside the checkout
models: $(READY)
	$(BIN)/python models/make.py ../shared/datasets

## the figures of the shipped models again, in README and cards
figures: $(READY)
	$(BIN)/python models/make.py ../shared/datasets --figures

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
