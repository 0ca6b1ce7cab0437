# Postcard: `make` lists the tasks.
SHELL := /bin/sh
VENV := .venv
PYTHON ?= python3
UV ?= uv

.PHONY: help setup setup-dev run sandbox test check fix bench fuzz gallery locks docs clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.run ## the virtual environment that `make run` uses, from the hash-pinned lock
setup-dev: $(VENV)/.dev ## the same with everything that tests and checks need

# pip is told where nothing but its own defaults are: whoever has a mirror sets PIP_INDEX_URL as usual.
$(VENV)/.run: infra/locks/run.txt pyproject.toml infra/venv.sh
	@sh infra/venv.sh $(VENV) infra/locks/run.txt $(PYTHON) && touch $@

$(VENV)/.dev: infra/locks/dev.txt pyproject.toml infra/venv.sh
	@sh infra/venv.sh $(VENV) infra/locks/dev.txt $(PYTHON) && touch $(VENV)/.run $@

run: setup ## everything on this machine: store, sandbox, web, worker; Ctrl-C stops it
	@exec $(VENV)/bin/postcard run

sandbox: setup ## only the sandbox: an OpenMarket for anybody's client
	@exec $(VENV)/bin/postcard sandbox $(ARGS)

test: setup-dev ## every test, on real servers that it starts itself
	@sh tests/browser/install.sh
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

check: setup-dev ## ruff, mypy, import-linter, hadolint
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile

fix: setup-dev ## format, and mend what ruff can mend
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: setup-dev ## benchmarks: ratios against a peer or a limit, into bench/results.md
	$(VENV)/bin/python -m bench

fuzz: setup-dev ## 10,000 mutated files of every kind through the confined decoders; prints its seed
	$(VENV)/bin/python -m tests.media.fuzz $(ARGS)

gallery: setup-dev ## docs/gallery.md: four files before and after, at each profile
	$(VENV)/bin/python -m bench.gallery

docs: setup-dev ## write the generated pages of docs/ anew (settings, errors, limits)
	$(VENV)/bin/python -m tests.rules.write_docs

locks: ## resolve infra/locks/ anew (needs uv)
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade \
	  pyproject.toml infra/locks/build.in -o infra/locks/server.txt
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  -c infra/locks/server.txt --extra local pyproject.toml infra/locks/build.in -o infra/locks/run.txt
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  -c infra/locks/run.txt --extra local --extra dev pyproject.toml infra/locks/build.in -o infra/locks/dev.txt
	for tools in cloud-tools checkov; do \
	  $(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	    --only-binary :all: infra/locks/$$tools.in -o infra/locks/$$tools.txt || exit 1; done

clean: ## remove the virtual environment and caches; data/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
