# `make demo` and `make test` need Python 3.11 or newer and a package index, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check long engines bench format proto clean

demo: $(STAMP)  ## the main job on real data, from definitions to served predictions; fails if one value differs from training
	$(BIN)/python examples/flights/demo.py

test: $(STAMP)  ## all tests but the long hunts
	$(BIN)/python -m pytest -m "not long" -n auto

check: $(STAMP)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

long: $(STAMP)  ## hunts that take minutes: thousands of generated cases
	$(BIN)/python -m pytest -m long

engines: $(STAMP)  ## executes printed SQL on Spark (needs Java 17) and on GoogleSQL; installs both, 0.6 GB
	$(BIN)/python -m pip install --quiet --group engines
	FEATURESTORE_ENGINES=required $(BIN)/python -m pytest -m "not long" tests/providers/spark tests/providers/bigquery

bench: $(STAMP)  ## benchmarks; figures go to benchmarks/results/
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/values_at.py --scale 0.01 --repeat 3

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(STAMP)  ## the generated half of the serving protocol, after a change of serving.proto
	$(BIN)/python -m grpc_tools.protoc -I serving --python_out=serving --pyi_out=serving --grpc_python_out=serving serving/featurestore_serving/v1/serving.proto

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(STAMP)
