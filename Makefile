# make demo [INPUT=path] [RATE_HZ=n] [MODEL=name] [CALIBRATION=file]   play a drive through the real ROS 2 processes; output in demo/
# make check               before a commit: lint, types, fast tests of the packages that changed
# make format              sort imports and apply the automatic fixes of ruff
# make test                the whole suite: on two cores, then what builds or starts processes
# make lint                ruff, mypy, the ament linters, the schemas of workflow and citation
# make docs                the documentation as a site, in build/site; downloads 135 MB, without torch
# make bench               measure: about half an hour, on a machine that does nothing else
# make mutants [MODULES=n]  mutation score of the alarm: the tests must find changes of its code
# make fuzz [MINUTES=n]      damaged inputs for all that reads data from outside; n minutes each
# make clean               remove what these made
#
# They need Python >= 3.10 on Linux x86-64 and make .venv for themselves. PYTHON=python3.12 chooses one.

BIN := .venv/bin
CODE := bdl_perception test launch examples docs setup.py
ENVIRONMENT := ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
FAST := $(ENVIRONMENT) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadfile

# The shell reads them from the environment, so that a name may have quotes, spaces and $.
override INPUT := $(value INPUT)
override RATE_HZ := $(value RATE_HZ)
override MODEL := $(value MODEL)
override CALIBRATION := $(value CALIBRATION)
export INPUT RATE_HZ MODEL CALIBRATION
MINUTES ?= 3

.PHONY: demo check format test lint docs bench mutants fuzz clean

demo: .venv/runtime
	$(BIN)/bdl demo --out demo $(if $(value INPUT),--input="$$INPUT") $(if $(value RATE_HZ),--rate-hz="$$RATE_HZ") $(if $(value MODEL),--model="$$MODEL") $(if $(value CALIBRATION),--calibration="$$CALIBRATION")

check: .venv/tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(FAST) -q $$($(BIN)/python test/package/changed_tests.py)

format: .venv/tests
	$(BIN)/ruff check --fix .

test: .venv/tests
	$(FAST) $(PYTEST_ARGS)
	$(ENVIRONMENT) $(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: .venv/tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/ament_flake8 $(CODE)
	$(BIN)/ament_pep257 $(CODE)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/tests
	$(BIN)/bdl bench --out bench

mutants: .venv/tests
	$(ENVIRONMENT) OMP_NUM_THREADS=1 $(BIN)/python test/mutants/run.py $(MODULES)

fuzz: .venv/tests
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	$(ENVIRONMENT) OMP_NUM_THREADS=1 $(BIN)/python test/fuzz/run.py all --seconds $$((60 * $(MINUTES)))

clean:
	rm -rf .venv demo bench build dist install log bdl_perception.egg-info
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -prune -exec rm -r {} +

.venv/docs: setup.py .ci/make_venv $(wildcard .ci/constraints-*.txt)
	.ci/make_venv docs

.venv/runtime: setup.py .ci/make_venv $(wildcard .ci/constraints-*.txt)
	.ci/make_venv runtime

.venv/tests: setup.py .ci/make_venv $(wildcard .ci/constraints-*.txt)
	.ci/make_venv tests
