#!/usr/bin/env bash
# The tests: first everything quick, two processes at a time; then the heavy parts (kernels, hub, browser). What shares accounts and
# environments of this machine (the hub) or fills it on purpose (the attacks) has a process of its own. The hub, which waits for pages
# for much of its time, is beside the others; the attacks are beside nothing else, since their submissions end by limits of time.
set -u
cd "$(dirname "$0")/.."
export PYTHONWARNINGS=default MPLBACKEND=Agg OPENBLAS_NUM_THREADS=1
# Hundreds of processes are started: each would compile what it imports, for seconds, where none may keep it (as in containers).
unset PYTHONDONTWRITEBYTECODE
# What a script starts beside itself ignores Ctrl-C, and so would all that it starts: a check's time limit rests on that signal.
pytest=(env --default-signal=INT .venv/bin/python -m pytest -q -p no:cacheprovider)
status=0
mkdir -p artefacts
linted=(course autograder benchmarks tests tools hub docs)
.venv/bin/ruff check "${linted[@]}" || status=1
.venv/bin/ruff format --check --quiet "${linted[@]}" || status=1
.venv/bin/mypy course/photcheck course/photcourse autograder/photgrader benchmarks || status=1
"${pytest[@]}" -m "not heavy" -n 2 --dist worksteal tests || status=1
"${pytest[@]}" -m heavy --durations=15 tests/hub >artefacts/hub-tests.log 2>&1 &
hub=$!
"${pytest[@]}" -m heavy -s --durations=15 tests/attacks >artefacts/attacks-tests.log 2>&1 || status=1
"${pytest[@]}" -m heavy -n 2 --dist loadscope --no-loadscope-reorder --ignore tests/hub --ignore tests/attacks --durations=15 tests || status=1
wait "$hub" || status=1
cat artefacts/attacks-tests.log artefacts/hub-tests.log
exit $status
