# Everything runs in .venv, made on first use. `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3
BIN = .venv/bin
JOBS ?= 2
STAMP = .venv/.installed

.PHONY: run test unit lint types check-tools reactor-tests bench profile fuzz clean

run: $(STAMP)
	$(BIN)/lbproxy run --demo

# Lint and types first: they are quick, and say more than a failing test does.
test: lint types unit

$(STAMP): setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[dev]'
	$(BIN)/twistd --help >/dev/null
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

unit: $(STAMP)
	$(BIN)/python -m twisted.trial -j$(JOBS) tests

# Twisted's own tests of reactors, on ours.
reactor-tests: $(STAMP)
	$(BIN)/python -m tests.net.reactorsuite

bench: $(STAMP)
	$(BIN)/python -m bench

profile: $(STAMP)
	$(BIN)/python -m bench.profile

# Coverage-guided fuzzing of the codecs; SECONDS bounds it.
fuzz: $(STAMP)
	$(BIN)/pip install --quiet atheris
	$(BIN)/python -m tests.fuzz.fuzz_http1 $(or $(SECONDS),60)

clean:
	rm -rf .venv build *.egg-info _trial_temp* .mypy_cache .ruff_cache .hypothesis
