# One word per habit. Everything is installed into .venv; nothing but Python ≥ 3.11 is needed.
PYTHON ?= python3
SERVE ?= 1
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
LOCK := requirements.lock

.PHONY: demo test soak bench check lock docs clean

demo: $(VENV)/installed ## simulate a year of selling and look at it from every side (SERVE=0: without the server)
	@$(BIN)/dealtrail demo $(if $(filter 0,$(SERVE)),--no-serve,--serve)

test: $(VENV)/installed ## all tests, with a progress display
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

soak: $(VENV)/installed ## the promises at full length, for hours; DEALTRAIL_SEED=… replays a plan of faults that failed
	@DEALTRAIL_SOAK=1 $(BIN)/python -m pytest -n auto --dist loadfile tests/promises $(ARGS)

bench: $(VENV)/installed ## measure: figures into benchmarks/results, the table into docs/benchmarks.md (some minutes)
	@$(BIN)/python -m benchmarks $(ARGS)

check: $(VENV)/installed ## formatting, lint, types, architecture, shipped playbooks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for file in playbooks/*.yaml playbooks/examples/*.playbook.yaml playbooks/examples/*.draft.yaml; do $(BIN)/dealtrail playbook check $$file || exit 1; done

docs: $(VENV)/installed ## generate the reference from the code
	$(BIN)/python -m infra.reference docs/reference

lock: ## resolve the newest versions that fit pyproject.toml into the lock file
	uv pip compile --universal --python-version 3.11 --group dev --group build --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" -o $(LOCK) pyproject.toml

clean: ## remove what the other words made, the embedded databases included
	rm -rf $(VENV) .dealtrail .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

$(VENV)/installed: pyproject.toml $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dealtrail needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try make PYTHON=python3.12"; exit 1; }
	@echo "installing into $(VENV) (once, about a minute)"
ifneq ($(UV),)
	@uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@uv pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCK)
	@uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@
