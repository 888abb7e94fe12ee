# Needs Python 3.11 or newer and make; everything else comes into .venv, from requirements.lock with its hashes.
#
#   make demo   act the scenarios against the embedded server and show the verdicts
#   make load   10 000 devices against the embedded server, with a web page (make load ARGS="-t 2m")
#   make test   run the tests            (make test ARGS="-k coap")
#   make lint   format, lint and types, checked only
#   make bench  measure engine and server against C, libcoap and aiocoap, the judge, attaches and DTLS (five minutes)
#   make bench-load   measure load tests against C, aiocoap and plain Locust, and the server under them (half an hour)
#   make seeds  run every scenario with 200 seeds: none may raise a false alarm (a quarter of an hour)
#   make lock   resolve the dependencies anew

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

# pip's own proxy, index and certificate settings stay the user's; only its chatter goes.
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo load test lint bench bench-load seeds lock setup clean
.DEFAULT_GOAL := demo

demo: $(READY)
	@$(BIN)/simulator run scenarios $(ARGS)

load: $(READY)
	@echo "The page is at http://127.0.0.1:8089, the devices at http://127.0.0.1:8089/fleet; Ctrl-C ends it with a verdict."
	@$(BIN)/locust -f locustfiles/coap_upload.py -u 10 -r 10 --autostart $(ARGS)

# Hundreds of tests start the program. Without what Python keeps of compiled files each start takes twice as long, so
# the variable that forbids it has no say here.
test: $(READY)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy --strict simulator

bench: $(READY)
	@$(BIN)/python tests/bench/run.py $(ARGS)
	@$(BIN)/python tests/bench/bench_judge.py
	@$(BIN)/python tests/bench/bench_attach.py
	@$(BIN)/python tests/bench/bench_dtls.py
	@$(BIN)/python tests/bench/bench_dtls_fleet.py

bench-load: $(READY)
	@$(BIN)/python tests/bench/bench_load.py
	@$(BIN)/python tests/bench/bench_serve.py
	@$(BIN)/python tests/bench/bench_verdict.py --soak
	@$(BIN)/python tests/bench/bench_verdict.py

seeds: $(READY)
	@$(BIN)/python tests/bench/bench_seeds.py $(ARGS)

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is '$$($(PYTHON) --version 2>&1)'. Name another: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv or ensurepip; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV), once; this takes up to a minute."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq --require-hashes --no-deps -r requirements.lock
	@$(PIP) install -qq --no-build-isolation --no-deps --editable .
	@touch $@

# No header, no options: the lock names packages, versions and hashes, and nothing of the machine that made it.
lock: $(READY)
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install -qq 'pip-tools>=7.4,<8'
	@build/lock/bin/pip-compile pyproject.toml --no-config --upgrade --extra load --extra test --build-deps-for editable \
	  --allow-unsafe --strip-extras --generate-hashes --no-header --no-emit-options --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --quiet --output-file requirements.lock
	@echo "requirements.lock is new; 'make test' installs and tries it."

clean:
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
