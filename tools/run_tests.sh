#!/usr/bin/env bash
# The tests: first everything quick, two processes at a time, then the heavy parts (kernels, hub, browser).
set -u
cd "$(dirname "$0")/.."
export PYTHONWARNINGS=default MPLBACKEND=Agg
pytest=(.venv/bin/python -m pytest -q -p no:cacheprovider)
status=0
.venv/bin/ruff check course autograder tests tools hub docs || status=1
.venv/bin/mypy course/photcourse autograder/photgrader || status=1
"${pytest[@]}" -m "not heavy" -n 2 --dist worksteal tests || status=1
"${pytest[@]}" -m heavy -n 2 --dist loadgroup tests || status=1
exit $status
