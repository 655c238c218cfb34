# Thin: each line is a command that a person could type. Bytecode is compiled at installation: uv leaves it to the first
# import, and where PYTHONDONTWRITEBYTECODE is set, as in many containers, every job of a run would compile torch again.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup quickstart gpu-experiment mlflow test bench bench-gpu lint format lock schema fingerprint

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(BIN)/.installed  ## install everything into .venv; nothing the second time

$(BIN)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing); lungseg needs Python 3.11 or newer: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys; bad = sorted(c for c in set(os.getcwd()) if c.isspace() or c in "\"$$;&|<>()`\\:{}?" + chr(39)); \
	  sys.exit(f"Snakemake cannot run in {os.getcwd()!r} because of {chr(32).join(map(repr, bad))}: move the clone to a folder without. Nothing was installed." if bad else 0)'
	@echo "Installing into .venv: about 7 GB, minutes on a first time (torch brings its GPU libraries)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

quickstart: setup  ## the whole experiment on drawn films: four networks, two seeds, table, figures; minutes on 2 cores
	@echo "Drawing films, training four networks with two seeds each, and making quickstart/results/"
	snakemake --cores all --configfile config/quickstart.yaml --quiet rules
	@echo; cat quickstart/results/table1.md; echo
	@echo "Report: quickstart/results/report.html (open it in a browser); figures: quickstart/results/figures/"

mlflow: setup  ## the tracking page of all trainings so far, at http://127.0.0.1:5000
	mlflow ui --backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}

test: setup  ## all tests
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# One piece of an experiment's trainings. make gpu-experiment MINUTES=30 ARCHIVES=folder CONFIG=file
CONFIG ?= config/gpu.yaml
MINUTES ?= 9
# Of a file between the steps: all is on one machine, and nothing need be small
MIB ?= 256
ARCHIVES ?= archives
NAME = $(shell $(BIN)/python -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))["name"])' $(CONFIG))
FILMS = $(NAME)/pieces/films.npz
PIECES = python -m lungseg.jobs.pieces
DAG = snakemake --cores all --quiet rules --configfile $(CONFIG) --config 'archives=$(ARCHIVES)'

gpu-experiment: setup  ## train for MINUTES=9 what is missing of CONFIG=config/gpu.yaml; at the end tables and report
	$(DAG) --until split
	$(PIECES) pack $(FILMS) --mib $(MIB) --configfile $(CONFIG)
	$(PIECES) run $(FILMS) --minutes $(MINUTES) --mib $(MIB) --work $(NAME)/pieces/work --out $(NAME)/pieces/out --bundles results/$(NAME)
	$(PIECES) take $(NAME)/pieces/out results/$(NAME) --mib $(MIB)
	if $(PIECES) left $(FILMS) results/$(NAME); then $(DAG) bundles=results/$(NAME); fi

bench: $(BIN)/.bench  ## benchmarks of a CPU, half an hour; bench/README.md has more. ARCHIVES=folder adds real films
	for name in training optimisations scoring bootstrap inference precision dag page; do python -m bench.$$name || exit 1; done
	python -m bench.preprocessing "$(ARCHIVES)"
	python -m bench.show

bench-gpu: $(BIN)/.bench  ## training on a GPU, against Lightning and side by side
	python -m bench.gpu
	python -m bench.show

$(BIN)/.bench: $(BIN)/.installed bench/requirements.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirement bench/requirements.txt
	@touch $@

lint: setup  ## style, types, and Snakemake's own advice
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/rules
	mypy
	snakemake --lint

format: setup  ## bring the code into shape
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow/rules

lock: setup  ## pin every dependency anew in requirements.lock and envs/lungseg.yaml
	uv pip compile --quiet --upgrade --universal --generate-hashes --extra dev --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	python envs/pins.py

fingerprint: setup  ## write workflow/training.yaml: what the training code means, for dvc.yaml
	python -c 'import pathlib; from lungseg.jobs.fingerprint import training; pathlib.Path("workflow/training.yaml").write_text(training(pathlib.Path()))'

schema: setup  ## write config/schema.json from lungseg/config.py
	python -c 'from lungseg.config import schema; open("config/schema.json", "w").write(schema())'
