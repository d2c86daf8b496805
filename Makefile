# Everything a newcomer needs: `make serve`, `make test`. All of it goes into .venv, nothing outside this folder,
# save that a Debian without the venv module gets it from apt when this runs as root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.8
export UV_PYTHON_DOWNLOADS := never

.PHONY: serve test check format lock bench eval clean

serve: $(VENV)/.runtime
	@$(BIN)/darkroom serve

# Most tests wait for sockets and processes: four at a time keep two cores busy.
test: $(VENV)/.dev check
	$(BIN)/pytest -n 4 --dist worksteal

check: $(VENV)/.dev
	$(BIN)/ruff check src tests bench evals
	$(BIN)/ruff format --check src tests bench evals
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix src tests bench evals
	$(BIN)/ruff format src tests bench evals

# Write the lock files anew, from pyproject.toml.
lock: $(UV)
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml -o requirements/runtime.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group dev -c requirements/runtime.lock -o requirements/dev.lock

# Darkroom beside LiteLLM's proxy, the upstream alone and a floor program; its media beside nginx; many watchers of jobs.
# Linux only. LiteLLM has a venv of its own; an nginx that is not there is unpacked from Debian's package, not installed.
bench: $(VENV)/.dev .bench-venv/.ready .bench-nginx/.ready
	$(BIN)/python -m bench $(BENCH)

# How often the planner means what a person meant; a chat model beside it: make eval EVAL="--planner openai/gpt-4.1-mini".
eval: $(VENV)/.dev
	@$(BIN)/python -m evals $(EVAL)

.bench-nginx/.ready:
	@mkdir -p .bench-nginx
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || { cd .bench-nginx && \
		apt-get download -qq nginx && dpkg-deb -x nginx_*.deb .; } || echo "There is no nginx; media are measured alone."
	@touch $@

.bench-venv/.ready: requirements/bench.lock | $(UV)
	@$(UV) venv -q --allow-existing --python $(BIN)/python .bench-venv
	@$(UV) pip sync -q --require-hashes --python .bench-venv/bin/python requirements/bench.lock
	@touch $@

clean:
	rm -rf $(VENV) .bench-venv .bench-nginx .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Darkroom needs Python 3.11 or later; name one with: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv --clear $(VENV); } || \
		{ echo "This Python can't make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

# `sync` would remove what it does not know, uv and Darkroom itself among it; so the locks are installed.
$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(UV)
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/runtime.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/.runtime
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@
