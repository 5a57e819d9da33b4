# Every target sets up what it needs; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
# uv does not read pip's settings, so the ones that say where packages come from are handed on.
PIP_SETTING = $(shell python3 -m pip config list 2>/dev/null | sed -n "s/^\(global\|:env:\)\.$(1)='\(.*\)'$$/\2/p" | tail -1)
PIP_CERT_SETTING := $(call PIP_SETTING,cert)
ifneq ($(PIP_CERT_SETTING),)
export SSL_CERT_FILE ?= $(PIP_CERT_SETTING)
endif
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# A relative path to the mirror holds in every folder that a target works in.
ifdef REPERTOIRE_MIRROR
export REPERTOIRE_MIRROR := $(shell realpath -m -- "$(REPERTOIRE_MIRROR)")
endif
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export ORT_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := true
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION := false
# Bytecode pays for itself at the second import of anything.
unexport PYTHONDONTWRITEBYTECODE

# The folder of your own recipes, and the registry that all recipes of this checkout share.
PROJECT ?= own
# What people type reaches the shell as variables, never as text: it may hold spaces and quotes.
export NAME DATA FAMILY PROJECT RECIPE STUDY MODELS VERSION
REGISTRY = "$${MLFLOW_TRACKING_URI:-sqlite:///$$PWD/mlflow.db}"

.PHONY: help setup lock add repro test lint speed benchmark serve promote rollback clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## create .venv from requirements.lock

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "setting up $(VENV) from requirements.lock"
	@test -x $(VENV)/bin/python || python3 -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@UV_FIND_LINKS="$(call PIP_SETTING,find-links)" UV_DEFAULT_INDEX="$(call PIP_SETTING,index-url)" \
	  $(VENV)/bin/uv pip sync --quiet --compile-bytecode --python $(VENV)/bin/python requirements.lock
	@$(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --python $(VENV)/bin/python -e .
	@touch $@

lock: ## compile requirements.lock anew from pyproject.toml
	@rm -f requirements.lock  # an old pin of torch would lead to the build for GPUs
	@UV_FIND_LINKS="$(call PIP_SETTING,find-links)" $(VENV)/bin/uv pip compile --quiet --all-extras \
	  --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements.lock
	@sed -i 's/^\(torch==[^+]*\)+cpu$$/\1/' requirements.lock

add: setup ## from your files to a recipe: make add NAME=reviews DATA=reviews.csv FAMILY=classifier
	@if test -e "$$DATA"; then set -- "$$DATA"; else eval "set -- $$DATA"; fi; \
	  python -m pipelines.add "$$NAME" "$$@" --family "$$FAMILY" --project "$$PROJECT" $(ARGS)

repro: setup ## run the whole pipeline, or one recipe of yours: make repro RECIPE=reviews
ifdef RECIPE
	@test -f "$$PROJECT/params.yaml" || { \
	  echo "repro: no project in $$PROJECT; make add first, or name its folder with PROJECT=" >&2; exit 1; }
	@export PYTHONPATH="$$PWD" MLFLOW_TRACKING_URI=$(REGISTRY) && cd "$$PROJECT" && \
	  python -m pipelines.warm dvc repro "evaluate@$$RECIPE" && \
	  python -m pipelines.register "$$RECIPE" && python -m pipelines.report
else
	@python -m pipelines.warm dvc repro && python -m pipelines.register && \
	  python -m pipelines.report && python -m pipelines.split
endif

test: setup ## run every test
	@python -m pytest --numprocesses auto --dist worksteal

lint: setup ## ruff, mypy and the import contracts; files are UTF-8 whatever the locale
	@ruff check . && ruff check --quiet --preview --select PLW1514 . && ruff format --check . && \
	  mypy && lint-imports

speed: setup ## measure the speeds that docs/speed.md states; prints ratios
	@python -m pipelines.speed

benchmark: setup ## one at published scale: make benchmark RECIPE=ptb_lstm_100, or STUDY=gan_modes
ifdef STUDY
	@export PYTHONPATH="$$PWD" && cd pipelines/benchmarks && \
	  python -m pipelines.warm dvc repro "study@$$STUDY" && python -m pipelines.results "$$STUDY"
else
	@export PYTHONPATH="$$PWD" && cd pipelines/benchmarks && \
	  python -m pipelines.warm dvc repro "evaluate@$$RECIPE" && \
	  python -m pipelines.register "$$RECIPE" && python -m pipelines.results "$$RECIPE"
endif

serve: setup ## serve the champions on http://127.0.0.1:8000 (MODELS=own/artifacts serves a folder)
	@if test -n "$$MODELS"; then python -m serving.app --models "$$MODELS"; \
	  else python -m serving.app --registry $(REGISTRY); fi

promote: setup ## make NAME's VERSION the champion: make promote NAME=lstm_stacked VERSION=2 [FORCE=1]
	@python -m pipelines.promote "$$NAME" "$$VERSION" $(if $(FORCE),--force)

rollback: setup ## make NAME's previous champion the champion again: make rollback NAME=lstm_stacked
	@python -m pipelines.promote "$$NAME" --previous

clean: ## remove what the pipeline made (not the downloads)
	@find artifacts -mindepth 2 -maxdepth 2 ! -name metrics.json -exec rm -rf {} +
	@rm -rf data baselines studies reports registrations.json fingerprints .checkpoints .timings mlflow.db mlartifacts
