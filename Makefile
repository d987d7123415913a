.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := pms_backend products inventory pms_integration webhooks

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: $(VENV)/.installed  ## Run everything on this machine: PostgreSQL, Redis, web, sockets, workers
	@exec $(BIN)/python -m pms_backend.standalone

demo: $(VENV)/.installed  ## Let a simulated PMS sell and count, and watch the stock live
	@$(BIN)/python -m pms_backend.standalone.demo

# Two processes, each with embedded servers of its own; one process if the servers are given. The seed gives both the same
# order of tests that are parametrized with sets. Without bytecode each process that a test starts would compile all
# modules again.
WORKERS ?= $(if $(DATABASE_URL)$(REDIS_URL),0,2)

test: $(VENV)/.installed-dev  ## Run the tests, on real PostgreSQL and Redis
	PYTHONDONTWRITEBYTECODE= PYTHONHASHSEED=0 $(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile \
		--no-loadscope-reorder $(ARGS)

test-slow: $(VENV)/.installed-dev  ## Run the tests that take minutes: all repetitions, real limits, whole data
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m slow $(ARGS)

screenshots: $(VENV)/.installed-dev  ## Take pictures of all pages: all in .data/screenshots, the best in docs/screenshots
	REQUIRE_BROWSER=1 $(BIN)/python -m pytest tests/browser/screenshots.py -q

bench: $(VENV)/.installed-dev  ## Measure the speed, as ratios to a limit measured in the same run
	$(BIN)/python -m pms_backend.standalone.servers $(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.installed-dev types  ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev  ## Check types only
	SECRET_KEY=types DATABASE_URL=postgresql:///types REDIS_URL=redis://localhost $(BIN)/mypy $(PACKAGES) manage.py

messages: export SECRET_KEY = messages
messages: export DATABASE_URL = postgresql:///messages
messages: export REDIS_URL = redis://localhost
messages: $(VENV)/.installed-dev  ## Collect the texts of all pages into the catalogues of the languages, and compile them: needs GNU gettext
	$(BIN)/python manage.py makemessages
	$(BIN)/python manage.py compilemessages --ignore=$(VENV)

audit: $(VENV)/.installed-dev  ## List known vulnerabilities of the pinned packages, and packages that the service does not know
	$(BIN)/pip-audit --progress-spinner off -r requirements.txt -r requirements-dev.txt --no-deps --disable-pip

format: $(VENV)/.installed-dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

requirements: $(VENV)/.installed-dev  ## Compile the exact pins from the ranges in pyproject.toml
	$(BIN)/pip-compile -q --strip-extras --no-emit-index-url --no-emit-find-links --no-header \
		-o requirements.txt pyproject.toml
	$(BIN)/pip-compile -q --strip-extras --no-emit-index-url --no-emit-find-links --no-header --extra dev \
		-c requirements.txt -o requirements-dev.txt pyproject.toml

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.PHONY: help run demo test test-slow screenshots messages bench lint types audit format requirements
