# Two commands for a newcomer: `make demo` and `make test`. Everything else is optional.
.DEFAULT_GOAL := help
.PHONY: help demo preview test test-fast soak bench check setup lock screenshots clean
export PYTHON

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## set up, then run the main job on the sample issue in var/demo; sends nothing out
	@scripts/setup run
	@.venv/bin/distributor demo

preview: ## serve what the demonstration made: archive, feeds, every delivered mail, the rehearsal
	@scripts/setup run
	@.venv/bin/distributor --root var/demo preview

test: ## set up, then checks and all tests; what is missing on this machine is named
	@scripts/setup dev
	@scripts/check
	@scripts/test
	@scripts/coverage

test-fast: ## the quick tests only, under a minute
	@scripts/setup dev
	@.venv/bin/python -m pytest -q -n auto -m "not slow and not chromium and not postgresql and not sink and not soak"

soak: ## the long runs of faults and kills, then their sums; tens of minutes
	@scripts/setup dev
	@scripts/soak

bench: ## measure the sender beside its peers, some minutes; OPTIONS="--quick" and others: benchmarks/README.md
	@scripts/setup dev
	@.venv/bin/python -m benchmarks.run $(OPTIONS)

check: ## formatting, lint, types, import contracts
	@scripts/setup dev
	@scripts/check

setup: ## only make .venv, with everything for development
	@scripts/setup dev

screenshots: ## render mails and pages in Chromium to var/screenshots
	@scripts/setup dev
	@.venv/bin/python scripts/screenshots.py

lock: ## renew requirements/*.txt (needs uv)
	@scripts/lock

clean: ## remove .venv, caches and var/demo
	rm -rf .venv var/demo var/screenshots .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
