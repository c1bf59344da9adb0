# make run: everything from nothing to a trained model and a report. make test: what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TASK ?= countdown
ARGS ?=
FOREIGN := llamafactory verl inspect
ENGINES := .venv-engines
PLUGINS := $(filter-out plugins/pocket,$(wildcard plugins/*))
# Two files of tests at a time: most of them wait for processes, and torch's threads would only be in each other's way.
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n 2 --dist loadfile

.PHONY: run test check unit docs test-exports test-engines test-browser test-plugins bench bench-graders bench-engines fuzz pocket constraints clean

run: $(VENV)/.installed
	$(BIN)/sf run --task $(TASK) $(ARGS)

test: check unit docs

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SkillFactory needs Python 3.11 or newer: make run PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check 'pip>=24'  # that of an older Python cannot read every package
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.installed
	$(PYTEST)

docs: $(VENV)/.installed
	$(BIN)/sphinx-build -q -W -b html docs docs/_build

# Every export is read by the program it is for, in an environment of its own; nothing is skipped.
test-exports: $(VENV)/.installed $(FOREIGN:%=.venv-exports-%/.installed)
	SKILLFACTORY_EXPORTS=all $(BIN)/pytest tests/exports

.venv-exports-%/.installed: tests/exports/%.txt tests/exports/%-alone.txt
	$(PYTHON) -m venv .venv-exports-$*
	.venv-exports-$*/bin/pip install --quiet --disable-pip-version-check -r tests/exports/$*.txt
	.venv-exports-$*/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/exports/$*-alone.txt
	touch $@

# The distributions in plugins/, installed as their users install them.
test-plugins: .venv-plugins/.installed
	OMP_NUM_THREADS=1 .venv-plugins/bin/pytest plugins/*/tests
	SKILLFACTORY_PLUGINS=all .venv-plugins/bin/pytest tests/docs/test_pages.py -k README

.venv-plugins/.installed: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv .venv-plugins
	.venv-plugins/bin/pip install --quiet --disable-pip-version-check 'pip>=24'
	.venv-plugins/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -c tests/exports/inspect.txt -c tests/exports/inspect-alone.txt -e . hatchling $(PLUGINS:%=-e './%[test]')
	touch $@

# The real engines, vLLM among them, on the CPU, in one environment of their own; nothing is skipped.
test-engines: $(ENGINES)/.installed
	SKILLFACTORY_ENGINES=all SF_REAL_VLLM=$(CURDIR)/$(ENGINES)/bin/python $(ENGINES)/bin/pytest tests/engines/real

$(ENGINES)/.installed: pyproject.toml constraints.txt tests/engines/real/requirements.txt tests/engines/real/alone.txt
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e . hypothesis pytest pytest-timeout -r tests/engines/real/requirements.txt
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/engines/real/alone.txt
	touch $@

# The report and the viewer in a headless Chromium, which is installed where it is missing; nothing is skipped.
test-browser: $(VENV)/.installed
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -y -q chromium; } \
		|| { echo 'test-browser: there is no chromium; as root: apt-get install -y chromium' >&2; exit 1; }
	SKILLFACTORY_BROWSER=all $(BIN)/pytest tests/report tests/view

bench: $(VENV)/.installed bench-graders
	$(BIN)/python tests/bench/bench_run.py --out docs/measured/run.md
	$(BIN)/python tests/bench/bench_import.py --out docs/measured/import.md
	$(BIN)/python tests/bench/bench_analysis.py --out docs/measured/analysis.md
	$(BIN)/python tests/bench/bench_report.py --out docs/measured/report.md

# The peers go into an environment of their own, .venv-peers.
bench-graders: $(VENV)/.installed
	$(BIN)/python tests/bench/bench_graders.py --docs

# vLLM's own figures come from the environment that has it.
bench-engines: $(VENV)/.installed $(ENGINES)/.installed
	$(BIN)/python tests/bench/bench_store.py --out docs/measured/store.md
	$(BIN)/python tests/bench/bench_transformers.py --out docs/measured/transformers.md
	$(BIN)/python tests/bench/bench_openai.py --vllm $(ENGINES)/bin/python --out docs/measured/openai.md
	$(ENGINES)/bin/python tests/bench/bench_vllm.py --out docs/measured/vllm.md
	$(BIN)/python tests/bench/bench_dry_run.py --out docs/measured/dry-run.md

fuzz: $(VENV)/.installed
	$(BIN)/pip install --quiet -c constraints.txt -e ".[fuzz]"
	for task in countdown multiplication letter_countdown acronym gsm8k csqa math; do \
		$(BIN)/python tests/fuzz/fuzz_grader.py --task $$task --inputs 1000000 || exit 1; done

# Reproduces the embedded base model and its card: about two hours on two cores.
pocket: $(VENV)/.installed
	$(BIN)/sf-pocket pretrain
	$(BIN)/sf-pocket card

# Pins what is installed now; run after a deliberate upgrade.
constraints: $(VENV)/.installed
	$(BIN)/pip freeze --exclude-editable | grep -v '^skillfactory' > constraints.txt
	$(BIN)/python -m skillfactory_core.doctor.versions constraints.txt > skillfactory_core/doctor/tested.txt

clean:
	rm -rf $(VENV) $(ENGINES) .venv-plugins $(FOREIGN:%=.venv-exports-%) docs/_build .mypy_cache .ruff_cache .pytest_cache
