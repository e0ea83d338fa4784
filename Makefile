# Two commands do everything: `make demo` runs the main job, `make test` runs the tests.
.PHONY: demo test lab build hub setup setup-tests setup-hub bench clean-demo help
SHELL := /bin/bash
RUN := .venv/bin

help:
	@echo "make demo          build the releases, grade a simulated class in the sandbox, show gradebook and report"
	@echo "make test          the tests, as CI runs them"
	@echo "make lab           JupyterLab on the students' release"
	@echo "make build         release/ and solutions/ from source/"
	@echo "make hub           a JupyterHub with the course, on this machine"
	@echo "make bench         what grading costs, beside stock nbgrader"

setup:
	@tools/setup.sh grading
setup-tests:
	@tools/setup.sh tests
setup-hub:
	@tools/setup.sh hub

demo: setup
	@$(RUN)/photgrader demo

test: setup-tests
	@tools/run_tests.sh

lab: setup build
	@cd release && ../$(RUN)/jupyter lab

build: setup
	@$(RUN)/photgrader build

hub:
	@hub/run.sh

bench: setup
	@$(RUN)/photgrader bench --students 60 --json bench.json

clean-demo:
	rm -rf submitted autograded feedback gradebook.db .photgrader
