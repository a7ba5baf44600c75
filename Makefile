# segwright. A Python of 3.11 or later with its venv module is all that must be there; everything else is set up here.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
CORPUS ?=
PYTEST_ARGS ?=
# One process more than cores: tests of running systems wait now and then.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)))
PYTHONS := $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes; where bytecode is not kept, each of them compiles the engine anew.
unexport PYTHONDONTWRITEBYTECODE

# The environment is ready when the stamp of this lock and this pyproject.toml exists: content, not dates.
KEY := $(shell cat requirements/dev.lock pyproject.toml 2>/dev/null | cksum | tr ' ' -)
STAMP := $(VENV)/ready-$(KEY)

# Shell: sets $$python to the first usable interpreter, or says in one line what to install.
FIND_PYTHON = python=; old=; \
	for p in $(PYTHONS); do \
		"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
		if "$$p" -c 'import ensurepip, venv' >/dev/null 2>&1; then python=$$p; break; fi; old=$$p; \
	done; \
	if [ -z "$$python" ] && [ -n "$$old" ]; then \
		echo "$$old cannot make virtual environments: install its venv module (Debian, Ubuntu: python3-venv)." >&2; exit 1; \
	elif [ -z "$$python" ]; then \
		echo "segwright needs Python 3.11 or later: install python3.11 (or newer) with its venv module." >&2; exit 1; \
	fi

# Shell: $(call timed,NAME,COMMAND) runs COMMAND and prints how long it took.
timed = start=$$(date +%s); $(2) || exit 1; echo "$(1): $$(($$(date +%s) - start)) s"

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# One process sets up, others wait for it; a half-made environment is never stamped.
$(STAMP):
	@$(FIND_PYTHON); \
	waited=; until mkdir .venv.busy 2>/dev/null; do \
		[ -n "$$waited" ] || echo "waiting for the set-up that is running …"; waited=1; sleep 1; \
		kill -0 "$$(cat .venv.busy/pid 2>/dev/null || echo $$$$)" 2>/dev/null || rm -rf .venv.busy; \
	done; echo $$$$ >.venv.busy/pid; trap 'rm -rf .venv.busy' EXIT; trap 'exit 1' HUP INT TERM; \
	[ ! -e $(STAMP) ] || exit 0; \
	start=$$(date +%s); echo "setting up $(VENV) with $$($$python --version) …"; \
	"$$python" -m venv --clear $(VENV) || exit 1; \
	echo "installing what requirements/dev.lock names …"; \
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock || exit 1; \
	echo "installing segwright (editable) …"; \
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . || exit 1; \
	touch $(STAMP); echo "set-up: $$(($$(date +%s) - start)) s"

.PHONY: venv
venv: $(STAMP) ## set up .venv

.PHONY: demo demo-messages
demo: $(STAMP) ## the whole story: four simulated hospitals, orders in, results out, the accounts side by side
	@$(BIN)/python demo/story.py
demo-messages: $(STAMP) ## the messages of each hospital, and the lines that make them differ
	@$(BIN)/python demo/run.py

.PHONY: test
test: check ## all checks, then all tests (CORPUS=DIR adds that folder of real messages; PYTEST_ARGS=…)
	@$(call timed,tests,$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=worksteal $(if $(CORPUS),--corpus="$(CORPUS)") $(PYTEST_ARGS))

.PHONY: check lint types floors
check: lint types floors ## lint, format, types, floors (each is a target of its own; -k shows all failures)
lint: $(STAMP)
	@$(call timed,ruff,$(BIN)/ruff check --quiet --output-format=concise . && $(BIN)/ruff format --check .)
types: $(STAMP)
	@$(call timed,mypy,$(BIN)/mypy --num-workers=auto)
floors: $(STAMP)
	@$(call timed,floors,$(BIN)/lint-imports --no-cache >$(VENV)/floors.txt || { cat $(VENV)/floors.txt; false; })

.PHONY: fmt
fmt: $(STAMP) ## format and mend what can be mended safely
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

.PHONY: snapshots
snapshots: $(STAMP) ## write every snapshot anew and show which moved
	@$(BIN)/python -m pytest --quiet --snapshot-update $(if $(CORPUS),--corpus="$(CORPUS)") $(PYTEST_ARGS); result=$$?; \
	git --no-pager diff --stat -- snapshots; git ls-files --others --exclude-standard -- snapshots; exit $$result

.PHONY: shots
shots: $(STAMP) ## .shots/: pictures of every page, in light and dark, at two widths
	@SEGWRIGHT_SHOTS=1 $(BIN)/python -m pytest --quiet --numprocesses=$(JOBS) tests/pages $(PYTEST_ARGS) && ls .shots

.PHONY: slow-pages
slow-pages: $(STAMP) ## the tests of the pages with pages that come slowly: what looks too early fails
	@SEGWRIGHT_SLOW_PAGES=40000 $(BIN)/python -m pytest --quiet --numprocesses=$(JOBS) --dist=worksteal tests/pages $(PYTEST_ARGS)

.PHONY: faults
faults: $(STAMP) ## the long campaigns: engines killed and stopped; writes docs/faults.md (FAULTS="--runs 1 --seed 7 …")
	@$(BIN)/python tests/faults/run.py $(FAULTS)

.PHONY: mutants
mutants: $(STAMP) ## every mutant of the reference hospitals against their snapshots (`make test` tries a few)
	@$(call timed,mutants,$(BIN)/segwright test --mutate --coverage --threshold 100)

.PHONY: bench
bench: $(STAMP) ## figures and ratios against the peers
	@$(BIN)/python tests/bench/run.py

.PHONY: wheels
wheels: $(STAMP) ## dist/: sdist and wheel of segwright, wheel of segwright-runtime
	@rm -rf dist; for what in ". " "--wheel packaging/runtime"; do \
		$(BIN)/python -m build --no-isolation --outdir dist $$what >$(VENV)/build.txt 2>&1 || { cat $(VENV)/build.txt; exit 1; }; \
	done; ls dist

.PHONY: lock
lock: ## resolve requirements/*.lock anew (UPGRADE=1: to the newest releases)
	@$(FIND_PYTHON); [ -x .venv-lock/bin/pip-compile ] || { "$$python" -m venv --clear .venv-lock && \
		.venv-lock/bin/python -m pip install --quiet 'pip-tools>=7.5'; } || exit 1; \
	compile() { out=$$1; shift; .venv-lock/bin/pip-compile --quiet --no-config --generate-hashes --strip-extras --no-header \
		--no-emit-options $(if $(UPGRADE),--upgrade) --output-file "$$out" "$$@" pyproject.toml; }; \
	compile requirements/run.lock && \
	compile requirements/serve.lock --extra serve --extra postgres --constraint requirements/run.lock && \
	compile requirements/dev.lock --extra serve --extra postgres --extra dev --constraint requirements/serve.lock

.PHONY: clean
clean: ## remove what was made here
	@rm -rf $(VENV) .venv-lock .venv.busy dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
