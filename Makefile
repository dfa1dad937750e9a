# make run    a demo on http://127.0.0.1:8000, on a machine that has Python 3.11 or newer and nothing else
# make test   everything that has to hold before a change is good
# make lock   pin what pyproject.toml asks for (make lock ARGS=--upgrade: the newest of everything)
# make clean  remove what the others made (never ./cxloop-data)

BIN = .venv/bin
LOCK = $(BIN)/uv pip compile pyproject.toml --group build --universal --generate-hashes --no-header --no-annotate --quiet

.PHONY: run test lint lock clean

run: .venv/.run
	@exec $(BIN)/cxloop up --demo $(ARGS)

test: .venv/.dev lint
	@.ci/system-parts
	CXLOOP_TEST_DATABASE=sqlite $(BIN)/pytest --numprocesses=2 $(ARGS)
	.ci/with-postgresql $(BIN)/pytest --numprocesses=2 -m "not packaging" $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: .venv/.dev
	$(LOCK) $(ARGS) --output-file requirements.lock
	$(LOCK) $(ARGS) --extra dev --constraints requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find cxloop migrations tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.run: requirements.lock pyproject.toml .ci/venv
	@.ci/venv requirements.lock
	@touch $@

.venv/.dev: requirements.lock requirements-dev.lock pyproject.toml .ci/venv
	@.ci/venv requirements-dev.lock
	@touch .venv/.run $@
