# Two commands do everything: `make demo` and `make test`. Each makes its own environment; the second time is cheap.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DATA ?= ../shared/data


.PHONY: demo test lint types tests audit-real audit-own bench test-long train clean

$(READY): pyproject.toml .ci/constraints.txt
	@echo "Making the environment in .venv (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit("vemo-audit needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c .ci/constraints.txt -e '.[test,fast]'
	@touch $(READY)

demo: $(READY)
	@$(BIN)/vemo-audit demo --out reports/runs/demo; code=$$?; case $$code in 0|1|3) exit 0;; *) exit $$code;; esac

test: lint types tests

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff --quiet .; exit 1; }

types: $(READY)
	@$(BIN)/mypy

tests: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not long"

audit-real: $(READY)
	@for name in ravdess cremad; do \
	  $(BIN)/vemo-audit audit tests/plans/$$name.toml --out reports/runs/$$name; code=$$?; \
	  case $$code in 0|1|3) ;; *) exit $$code;; esac; \
	done

# make audit-own        our recognizer under its own audit, on real people; writes the figures onto the cards in models/
# make audit-own FACES="face-ferplus face-units"    the same for several face experts
audit-own: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python models/audits/own.py --data $(DATA) $(if $(FACES),--faces $(FACES))

# make bench            every benchmark; make bench NAME=evaluation runs one
bench: $(READY)
	@for file in benchmarks/$(or $(NAME),*).py; do $(BIN)/python $$file || exit 1; done

# make test-long        the long checks; make test-long NAME=policy runs those whose name holds 'policy'
test-long: $(READY)
	@$(BIN)/python -m pytest -q -m long $(if $(NAME),-k $(NAME))

train: $(READY)
	@for name in voice-emodb face-ferplus; do $(BIN)/vemo-audit train models/recipes/$$name.toml --data $(DATA) --out models || exit 1; done

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis reports/runs dist build
