# Two commands do everything: `make demo` runs the main job, `make test` runs the tests.
.PHONY: audit coverage demo test lab build hub setup setup-lab setup-tests setup-bench setup-site bench site photometry-bench clean-demo student-repo help
SHELL := /bin/bash
RUN := .venv/bin
# make demo UNSAFE=1: where no sandbox works, for the demonstration's simulated students alone.
export UNSAFE
# Another Python's modules, which clusters and desktops name for all, are none of ours.
unexport PYTHONPATH PYTHONHOME

help:
	@echo "make demo          build the releases, grade a simulated class in the sandbox, show gradebook and report"
	@echo "make test          the tests, as CI runs them"
	@echo "make lab           JupyterLab on the students' release"
	@echo "make build         release/ and solutions/ from source/"
	@echo "make coverage      which lines the quick tests run, package by package"
	@echo "make audit         known faults of the pinned packages (needs a network)"
	@echo "make hub           a JupyterHub with the course, on this machine"
	@echo "make student-repo DIR=...  what students may have, as a folder to publish"
	@echo "make site          the course's web site, into site/"
	@echo "make bench         what grading costs, beside stock nbgrader"
	@echo "make photometry-bench  the course's photometry beside photutils, sep, loops and the bound"
	@echo "make clean-demo    take the demonstration's class away again (never a real one)"

setup:
	@tools/setup.sh grading
setup-lab:
	@tools/setup.sh lab
setup-tests:
	@tools/setup.sh tests
setup-bench:
	@tools/setup.sh bench
setup-site:
	@tools/setup.sh site

demo: setup
	@$(RUN)/photgrader demo $(if $(UNSAFE),--unsafe-no-sandbox)

test:
	@tools/run_tests.sh

lab: setup-lab
	@cd release && ../$(RUN)/jupyter lab

build: setup
	@$(RUN)/photgrader build

hub:
	@hub/run.sh

site: setup-site
	@$(RUN)/python docs/make_site.py

bench: setup-bench
	@$(RUN)/photgrader bench --students 60 --json bench.json

photometry-bench: setup-bench
	@$(RUN)/photgrader photometry-bench --json photometry.json

# What the quick tests run, in the processes that they start too (pyproject.toml says how it is counted). Needs a network the first time.
coverage: setup-tests
	@$(RUN)/python -c 'import coverage; assert coverage.version_info >= (7, 10)' 2>/dev/null || $(RUN)/python -m pip install -q --disable-pip-version-check 'coverage>=7.10,<8'
	@tools/coverage.sh

# Needs a network: looks the pinned versions up in the public list of known faults.
audit:
	@python3 -m venv .build/audit && .build/audit/bin/pip install -q --disable-pip-version-check pip-audit
	@.build/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

clean-demo: setup
	@$(RUN)/photgrader demo --clean

student-repo: setup
	@test -n "$(DIR)" || { echo "Say where: make student-repo DIR=../starlight-students" >&2; exit 2; }
	@$(RUN)/photgrader student-repo "$(DIR)"
