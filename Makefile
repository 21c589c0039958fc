# Two commands do everything: `make run` opens the page, `make test` runs every test. Both can be repeated at any time.
# ARGS is passed on: make run ARGS="--port 8000", make test ARGS="tests/test_store.py -k lost"

BIN := .venv/bin
JOBS ?= 2

.PHONY: run test lint bench soak audit clean help

help:
	@echo "make run    set up, then start the page on http://127.0.0.1:7860"
	@echo "make test   set up with the test tools and a browser, then run every test"
	@echo "make lint   check style and types"
	@echo "make bench  measure speed and agreement on this machine, and run the tests that take minutes"
	@echo "make soak   ask a server for everything at once for ten minutes, while it trains"
	@echo "make audit  look up known holes in what is installed, where there is a network"
	@echo "make clean  remove the virtual environment and caches; runs are kept"

run:
	@sh setup.sh run
	@$(BIN)/python app.py $(ARGS)

test:
	@sh setup.sh test
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint:
	@sh setup.sh lint
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy clipforget app.py

bench:
	@sh setup.sh test
	@$(BIN)/python -m clipforget bench $(ARGS)
	@$(BIN)/python -m pytest tests/browser -k drag -s
	@$(BIN)/python -m pytest tests/properties --hypothesis-profile=thorough
	@$(BIN)/python -m pytest -m slow

soak:
	@sh setup.sh test
	@PYTHONPATH=. $(BIN)/python tests/soak.py $(ARGS)

audit:
	@sh setup.sh test
	@bash .ci/audit

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist
