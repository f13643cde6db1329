# Two commands for a fresh machine with Python 3.11 or later: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Java and npm are used where the machine has them; the wheels come only where they are missing.
EXTRAS := $(shell $(PYTHON) scripts/missing_extras.py)
comma := ,

.PHONY: help venv demo test full lint fidelity bench clean mutation lock

help: ## Say what each command does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/.demo: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[load$(if $(EXTRAS),$(comma)$(EXTRAS))]'
	@touch $@

# In one go: what a demo needs is among it, and pip would work it all out twice.
$(BIN)/.dev: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[dev,load,test$(if $(EXTRAS),$(comma)$(EXTRAS))]'
	@touch $(BIN)/.demo $@

venv: $(BIN)/.dev ## Create .venv with everything development needs

demo: $(BIN)/.demo ## Install and run the main job on the embedded landscape: two orders, end to end, then stop
	$(BIN)/assay demo

test: $(BIN)/.dev ## Install and run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not full' $(ARGS)

# Spark is 400 MB, and only what runs everything needs it, and the tools that records are compared by beside ours.
$(BIN)/.full: $(BIN)/.dev
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[spark,peers]'
	@touch $@

full: $(BIN)/.full ## Run everything there is (SHARD=1/2 or a part's name: a share of it), then write docs/full.md
	$(BIN)/python scripts/full.py $(if $(SHARD),--shard $(SHARD)) $(ARGS)

lint: $(BIN)/.dev ## Check style, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fidelity: $(BIN)/.dev ## Let the vendors' own clients judge the simulators, each in its own environment
	$(BIN)/python tests/fidelity/run.py

bench: $(BIN)/.dev ## Print every speed figure against its limit
	$(BIN)/python benchmarks/run.py

clean: ## Remove what these commands made
	rm -rf $(VENV) .venv-* .mypy_cache .ruff_cache .pytest_cache reports/out

mutation: $(BIN)/.dev ## Mutate oracles and money, sampled by family within an hour, and see what no test notices
	$(BIN)/python scripts/mutation.py $(ARGS)

lock: ## Write requirements.lock anew from the newest versions that fit pyproject.toml
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install -q --disable-pip-version-check '.[dev,load,test,java,node,postgres,browser,otlp,drift,spark,peers]'
	(head -1 requirements.lock; .venv-lock/bin/python -m pip freeze --exclude assay) > requirements.new
	mv requirements.new requirements.lock
	rm -rf .venv-lock
