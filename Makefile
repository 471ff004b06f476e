# `make` lists the targets. Each sets up what it needs, once; nothing is needed beyond Python and make.
PYTHON ?=
ENV ?= dev
ARCH ?=
PARAMETERS ?=
YES ?=
RECORDS ?=
RATE ?= 0.2
CLIENTS ?=
CASES ?=
SEEDS ?=
MODULES ?=
SAMPLE ?=
ROUNDS ?=

.DEFAULT_GOAL := help
.PHONY: help setup check test test-slow test-store test-cloud test-many-workers test-package test-matrix test-s3 test-postgres test-browser test-shells test-spark test-containers containers demo up objects lint types format lock audit build layers package site deploy destroy clean scoreboard mutation benchmark benchmark-databases benchmark-short million house
.PHONY: env-dev env-local env-test env-seaweed env-spark env-audit env-scoreboard env-bench env-bench-short env-house env-mutation env-site

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.venvs/sam/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Whatever the shell says: or each of many processes compiles every module anew, and that is a third of its time.
export PYTHONDONTWRITEBYTECODE :=
export PARAMETERS # to the shell as it is: it may hold quotes
SETUP = @python=$$(tools/find-python.sh $(PYTHON)) && "$$python" tools/environment.py

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: env-local ## The whole path on this machine; RECORDS=orders.csv for your own records, RATE=0.2 of requests fail
	@python -m localcloud demo --rate $(RATE) $(if $(RECORDS),--records "$(RECORDS)")

check: env-local ## Lint, types and the unit tests of what changed since main: under a minute
	@ruff check . && ruff format --check . && mypy && python -m tools.changed_tests

test: env-test ## Every test: units, contracts, real HTTP, the local cloud, lint, docs
	@python -m pytest -q -n 4 --dist loadgroup -p tests.fakes.by_file_plugin

test-slow: env-test env-scoreboard env-bench ## The proofs that take minutes: many seeds, kills, fuzzing, memory
	@DE_CLASSES_EXAMPLES=all python -m pytest -q -n 2 --dist loadgroup -m "(slow and not cloud and not package) or hypothesis or examples" \
		$(addprefix --ignore=,$(STORES))

STORES := tests/invented_store tests/invented_days $(wildcard tests/contracts/test_*stores.py) tests/contracts/test_datasets.py
test-store: env-test ## The proofs of stores and datasets: a server over HTTP, one that refuses and is spoilt, months of runs
	@DE_CLASSES_EXAMPLES=all python -m pytest -q -n 2 --dist loadgroup -m "slow or hypothesis or examples" $(STORES)

test-cloud: env-test ## The proofs on the deployed stack: a state machine, every layer, other phases
	@python -m pytest -q -m "slow and cloud" tests/integration --ignore=tests/integration/test_many_workers.py

test-many-workers: env-test ## One run by many workers on the deployed state machine: followed, killed, and how much faster
	@python -m pytest -q -m "slow and cloud" tests/integration/test_many_workers.py

site: env-site ## Build the documentation site into dist/site; a warning is an error
	@python -m tools.site

package: env-dev ## Build the wheel and the source distribution into dist/
	@uv build --quiet --out-dir dist . && ls dist/*.whl

test-package: env-dev ## What pip installs: built, installed and used on every Python there is
	@python -m pytest -q -m "slow and package" tests/architecture

test-matrix: env-dev ## Every fault against the client, SEEDS=25 of each, one at a time and eight at once
	@DE_CLASSES_MATRIX_SEEDS=$(or $(SEEDS),25) python -m pytest -q -n 3 tests/integration/test_fault_matrix.py

test-s3: env-seaweed ## The stores' contracts on real S3 servers: SeaweedFS, and Ceph, installed if it can be, skipped where not
	@python -m tools.seaweed python -m pytest -q tests/contracts -k server
	@tools/ceph/with-server.sh python -m pytest -q tests/contracts -k server

test-postgres: env-dev ## Loads into PostgreSQL's own server, installed if it can be; skipped where not
	@tools/postgres/with-postgres.sh python -m pytest -q -n 2 --dist loadgroup -m postgres tests/postgres tests/contracts/test_loaders.py

test-browser: env-dev ## The pages in a real browser, Chromium, installed if it can be; skipped where not
	@tools/browser/with-browser.sh python -m pytest -q -m browser tests/browser

test-shells: env-dev ## README's blocks and TAB in bash, zsh and fish, installed if they can be; skipped where not
	@tools/shells/with-shells.sh python -m pytest -q -m shells tests/shells

test-spark: env-spark ## The recipe of docs/sql.md in Spark, where there is a Java, which is installed if it can be; skipped where not
	@tools/spark/with-java.sh python -m pytest -q -m spark tests/spark

test-containers: env-local ## The functions in Lambda containers, where there is a Docker engine; skipped where not
	@python -m pytest -q -m containers tests/containers

containers: env-local ## The functions in Lambda containers behind both APIs, to play with, until Ctrl-C
	@python -m tools.containers

scoreboard: env-scoreboard ## Other clients through the same faults, about half an hour; CLIENTS=dlt CASES=F21 SEEDS=5
	@python -m scoreboard --date "$$(date +%F)" --clients "$(CLIENTS)" --cases "$(CASES)" \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(CLIENTS)$(CASES)$(SEEDS),,--docs docs)

benchmark: env-bench ## Time and memory beside other clients, 45 minutes at the most; CASES=1M CLIENTS=de-classes ROUNDS=3 RECORDS=100000
	@python -m benchmarks --date "$$(date +%F)" --clients "$(CLIENTS)" --cases "$(CASES)" \
		--rounds $(or $(ROUNDS),0) --records $(or $(RECORDS),0) $(if $(CLIENTS)$(CASES)$(ROUNDS)$(RECORDS),,--docs docs)

benchmark-databases: env-bench ## A dataset into PostgreSQL, beside a bare COPY and dlt, 10 minutes; RECORDS=100000 ROUNDS=3
	@tools/postgres/with-postgres.sh python -m benchmarks.databases --rounds $(or $(ROUNDS),5) --records $(or $(RECORDS),1000000) \
		$(if $(ROUNDS)$(RECORDS),,--docs --date "$$(date +%F)")

million: env-dev ## Plan, ranges and commit of a run of a million pages, for docs/limits.md, 10 minutes; PAGES=10000
	@python -m benchmarks.million_pages $(if $(PAGES),--pages $(PAGES),--docs --date "$$(date +%F)")

benchmark-short: env-bench-short ## This library beside its references, and its starts; fails when a ratio is above its bound
	@python -m benchmarks --short && python -m benchmarks.shapes && python -m benchmarks.starts

mutation: env-mutation ## What the tests would notice, see docs/mutation.md; MODULES=retry,walk or SAMPLE=150
	@PYTHONPATH=layers/de_classes .venvs/mutation/bin/python -m tools.mutation --modules "$(MODULES)" $(if $(SAMPLE),--sample $(SAMPLE)) \
		$(if $(MODULES)$(SAMPLE),,--docs)

house: env-dev env-house ## What a newcomer meets who follows a page through the library, and its size beside others
	@python -m tools.house

up: env-local ## The local cloud with the stack deployed, to play with, until Ctrl-C
	@python -m localcloud up

objects: env-dev ## The objects that the last demo left behind
	@python -m localcloud objects

lint: env-dev ## ruff, rules and format
	@ruff check . && ruff format --check .

types: env-dev ## mypy, strict
	@mypy

format: env-dev ## Rewrite the files the way lint wants them
	@ruff check --fix --quiet . ; ruff format .

lock: env-dev ## Resolve pyproject.toml again; UPGRADE=--upgrade takes newer versions
	@requirements/lock.sh $(UPGRADE)

audit: env-audit ## Ask for known vulnerabilities of every locked package; needs the network, and says so without
	@tools/audit.sh $(AUDIT)

build: env-local ## Build functions and layers for AWS (ARCH=arm64 or x86_64); needs or fetches Lambda's Python
	@python -m tools.stack build --env "$(ENV)" --arch "$(ARCH)" --parameters "$$PARAMETERS"

layers: env-dev ## Build every layer for both architectures; write down sizes and licences in docs/
	@python -m tools.layer_documents

deploy: build ## Deploy to AWS what was built, with your credentials (ENV=dev or prod); PARAMETERS="AlarmEmail=you@example.org"
	@python -m tools.stack deploy --env "$(ENV)" --arch "$(ARCH)" --parameters "$$PARAMETERS"

destroy: env-local ## Delete the stack of ENV from AWS, after you are asked (YES=1: without); says what stays
	@python -m tools.stack destroy --env "$(ENV)" $(if $(filter 1,$(YES)),--yes)

clean: ## Remove what was built, the environments and the local cloud's data
	@rm -rf .aws-sam .localcloud .mutation .venv .venvs .mypy_cache .pytest_cache .ruff_cache .hypothesis

env-dev:
	$(SETUP) dev

env-local:
	$(SETUP) dev emulator sam

env-test:
	$(SETUP) dev emulator sam checks

env-audit:
	$(SETUP) audit

env-bench:
	$(SETUP) dev emulator bench bench-dlt bench-airbyte peer-singer peer-airbyte

env-bench-short:
	$(SETUP) dev emulator sam bench

env-mutation:
	$(SETUP) mutation

env-site:
	$(SETUP) dev site

env-house:
	$(SETUP) house

env-spark:
	$(SETUP) dev spark

env-seaweed:
	$(SETUP) dev seaweed

env-scoreboard:
	$(SETUP) dev peer-requests peer-dlt peer-singer peer-airbyte
