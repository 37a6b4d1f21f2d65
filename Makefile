# `make` lists the targets. Settings are environment variables, such as LARIAT_LISTEN=127.0.0.1:9443 make up.
.DEFAULT_GOAL := help
.PHONY: help up test check kubernetes package e2e-aws bench lock clean
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

up: ## start Lariat on https://localhost:8443 (Ctrl-C stops it)
	@tools/bootstrap standalone/requirements.txt
	@exec $(PYTHON) -m standalone

test: check kubernetes ## everything: checks, then all tests (ARGS="-k tunnel" picks some)
	@echo "Testing …"
	@tools/test $(ARGS)

check: .venv ## format, lint, types, import direction, documents
	@tools/check

kubernetes: .venv ## get the Kubernetes that tests run against, built once; prints its folder
	@$(PYTHON) tests/kubernetes/binaries.py

package: .venv ## build what Lambda runs, build/lariat.zip
	@$(PYTHON) tools/package.py $(ARGS)

e2e-aws: kubernetes ## deploy to an emulator of AWS, walk a real cluster through it, destroy it
	@$(PYTHON) -m pytest tests/infra $(ARGS)

bench: kubernetes ## measure; figures go to build/bench.json
	@command -v wrk >/dev/null || tools/apt-install wrk
	@$(PYTHON) -m tests.bench

lock: .venv ## pin requirements anew after a change of a *.in file (ARGS=--upgrade takes newer releases)
	@tools/lock $(ARGS)

clean: ## remove what was built; Lariat's data stays
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: .venv
.venv:
	@tools/bootstrap requirements-dev.txt
