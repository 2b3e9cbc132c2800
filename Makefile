# What one can do here: make help
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
AIRFLOW := scripts/with-airflow
FRONTEND := scripts/frontend/node_modules/.bin

# Given on the command line: INBOX and OUTPUT of the demo, PORT of the user interface, BENCH_DATA of the benchmarks.
export INBOX OUTPUT REDO BENCH_DATA
ifdef PORT
export AIRFLOW__API__PORT := $(PORT)
endif

# The learned detector is measured where it has weights.
DETECTORS = classical $(if $(wildcard pipeline/weights/detector.safetensors),learned)

# Where the benchmarks write their pages.
PAGES ?= docs/results

.PHONY: help setup demo up down check test test-fast faults lint format bench lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY) ## make .venv with everything in it; done before every other target
$(READY): requirements.txt requirements-dev.txt requirements.lock pyproject.toml scripts/frontend/package-lock.json
	@scripts/setup "$(PYTHON)"

demo: $(READY) ## restore damaged sample photographs in real Airflow (INBOX="…" OUTPUT="…" take your own folder)
	@$(AIRFLOW) python scripts/demo.py

up: $(READY) ## start Airflow on loopback (PORT=8080)
	@$(AIRFLOW) python -W ignore scripts/prepare.py
	@$(AIRFLOW) python scripts/server.py up

down: $(READY) ## stop it
	@$(AIRFLOW) python scripts/server.py down

check: $(READY) ## what is wrong with collections file, folders, ledger and mail server; changes nothing
	@$(AIRFLOW) archive-restoration check

test: $(READY) ## every test (WORKERS=3 processes at a time, PYTEST="…" further options)
	@# More than two cores' worth, because many wait for servers; the longest, which stand first, are not left to the end.
	@$(BIN)/python -m pytest -n $(or $(WORKERS),3) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(PYTEST)

test-fast: $(READY) ## the tests for a change in hand: no Airflow, no faults, no training (PYTEST="…")
	@$(BIN)/python -m pytest tests/unit -n $(or $(WORKERS),2) --dist loadfile --max-worker-restart 0 \
		-m "not airflow and not slow" --ignore tests/unit/training $(PYTEST)

faults: $(READY) ## the fault table in full (SEED=1 RUNS=10, TABLE=file for it as Markdown)
	@$(BIN)/python -m pytest tests/faults --full -s -q --seed $(or $(SEED),1) --runs $(or $(RUNS),10) $(if $(TABLE),--table "$(TABLE)")

lint: $(READY) ## ruff, ruff format, mypy, layers of imports, dead code, Dockerfile, the review page's scripts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --cache-dir .cache/import_linter
	@$(BIN)/vulture
	@$(BIN)/hadolint docker/Dockerfile
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(FRONTEND)/tsc -p scripts/frontend
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(FRONTEND)/eslint -c scripts/frontend/eslint.config.mjs pipeline/review/static/*.js

format: $(READY) ## let ruff fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY) ## benchmarks, which write docs/results (BENCH_DATA=… for a data folder, PAGES=… for other pages)
	@$(BIN)/python -m benchmarks.speed --page $(PAGES)/speed.md
	@if [ -z "$$BENCH_DATA" ]; then echo "Quality is measured with BENCH_DATA=folder (docs/results/README.md)"; fi
	@if [ -d "$$BENCH_DATA/bench" ]; then $(BIN)/python -m benchmarks.quality --page $(PAGES)/quality.md; fi
	@if [ -d "$$BENCH_DATA/bench" ]; then \
		$(BIN)/python -m benchmarks.quality --weights rn-sharp --page $(PAGES)/quality_sharp.md; fi
	@if [ -d "$$BENCH_DATA/bench-damage" ]; then $(BIN)/python -m benchmarks.detection --detector $(DETECTORS) \
		--parts foreign own kinds clean restored real cost --own 24 --precision 0.95 0.9 0.98 --megapixels 4 \
		--page $(PAGES)/detection.md; fi
	@if [ -d "$$BENCH_DATA/photos" ]; then \
		$(BIN)/python -m benchmarks.wide_holes --limit 24 --page $(PAGES)/wide_holes.md; fi
	@if [ -d "$$BENCH_DATA/mnist" ]; then $(BIN)/python -m benchmarks.digits --page $(PAGES)/digits.md; fi

lock: ## resolve requirements.txt and write requirements.lock
	@scripts/lock "$(PYTHON)"

clean: $(READY) ## remove Airflow's home, the demo's output and caches; .venv stays
	@$(AIRFLOW) python scripts/server.py down
	@rm -rf .airflow demo-input demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache build *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
