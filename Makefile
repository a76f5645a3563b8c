# The two commands: "make run" starts it, "make test" checks it. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: help run stack test checks lint rules generated unit bench bench-accuracy generate format clean

help: ## say what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: $(VENV)/run ## start exporter, analyzer and the sample agent on http://127.0.0.1:10420 (ARGS="--no-sample")
	@$(BIN)/agentgauge serve $(ARGS)

stack: $(VENV)/run ## start it with Prometheus, Alertmanager and Grafana, as far as installed
	@$(BIN)/agentgauge stack $(ARGS)

# Tests take longest, and wait at their end: the rest gives way to them.
test: ## everything a change must pass
	@$(MAKE) --no-print-directory -j 2 unit checks

checks: $(VENV)/dev | $(VENV)/servers
	@nice $(MAKE) --no-print-directory lint rules generated

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

rules: | $(VENV)/servers
	promtool check config prometheus/prometheus.yml
	promtool check rules prometheus/rules/*.yml
	promtool test rules prometheus/tests/*.yml
	cd alertmanager && amtool check-config alertmanager.yml

generated: $(VENV)/dev
	$(BIN)/python grafana/generate.py --check
	$(BIN)/python -m tests.readme --check

unit: $(VENV)/dev | $(VENV)/servers
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

bench: $(VENV)/bench | $(VENV)/peers/ready ## speed and memory beside the real opponents
	$(BIN)/python -m tests.benchmarks $(ARGS)

bench-accuracy: $(VENV)/dev ## accuracy on labelled series (AGENTGAUGE_SERIES names their directory)
	$(BIN)/python -m tests.benchmarks.accuracy $(ARGS)

generate: $(VENV)/dev ## generate the dashboard and the README's tables anew
	$(BIN)/python grafana/generate.py
	$(BIN)/python -m tests.readme

format: $(VENV)/dev ## put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was installed and cached
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist src/*.egg-info

$(VENV)/python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11 or later, or name it: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; name another one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/install python3-venv
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/run

$(VENV)/bench: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@ $(VENV)/dev $(VENV)/run

# OpenLLMetry and OpenLIT, apart from the rest: what they need is old and much. Without them their rows are left out.
$(VENV)/peers/ready: tests/benchmarks/peers.txt | $(VENV)/python
	-$(PYTHON) -m venv $(VENV)/peers && $(VENV)/peers/bin/pip install --quiet --disable-pip-version-check --no-deps \
		--requirement $< && touch $@ || rm -rf $(VENV)/peers

$(VENV)/servers: | $(VENV)/python
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || .ci/install prometheus
	@command -v amtool >/dev/null || .ci/install prometheus-alertmanager
	@touch $@
