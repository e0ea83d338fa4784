#!/usr/bin/env bash
# The tests, in four parts beside each other, each with a log of its own (artefacts/*-tests.log), so that both cores have work while
# one waits:
#   attacks  what fills the machine on purpose; submissions end by limits of time, so all others give way to it
#   hub      what shares accounts and environments of this machine: a process of its own
#   heavy    kernels, browsers, clusters: three processes, module by module, the longest first
#   quick    all the rest, two processes, in what time is left
set -u
cd "$(dirname "$0")/.."
mkdir -p artefacts
# The hub's environments take nothing of .venv but the proxy, in the end: one core makes them while the other installs. What is not
# done, or fails, is done or told by the hub's part.
if [ "$(id -u)" = 0 ]; then python3 hub/localhub.py prepare >artefacts/hub-prepare.log 2>&1 & fi
tools/setup.sh tests || exit

export PYTHONWARNINGS=default MPLBACKEND=Agg OPENBLAS_NUM_THREADS=1
# Hundreds of processes are started: each would compile what it imports, for seconds, where none may keep it (as in containers).
unset PYTHONDONTWRITEBYTECODE
pids=() names=()

# part NAME COMMAND...: beside the others. What a script starts beside itself ignores Ctrl-C, and so would all that it starts: a
# check's time limit rests on that signal.
part() {
    local name=$1
    shift
    # Wall and processor seconds, of all that the part has started and seen the end of: how busy the cores were is their ratio.
    ( time env --default-signal=INT "$@" ) >"artefacts/$name-tests.log" 2>&1 &
    pids+=($!) names+=("$name")
}
TIMEFORMAT=$'%0R s, processor %0U + %0S s'
pytest=(.venv/bin/python -m pytest -q -p no:cacheprovider --durations=15)
elsewhere=(--ignore tests/hub --ignore tests/attacks tests)
linted=(course autograder benchmarks tests tools hub docs)
part attacks "${pytest[@]}" -s tests/attacks
part hub nice "${pytest[@]}" tests/hub
part heavy nice "${pytest[@]}" -m heavy -n 3 --dist loadscope --no-loadscope-reorder "${elsewhere[@]}"
part quick nice -n 12 "${pytest[@]}" -m "not heavy" -n 2 --dist worksteal "${elsewhere[@]}"
part ruff .venv/bin/ruff check "${linted[@]}"
part format .venv/bin/ruff format --check --quiet "${linted[@]}"
part mypy nice .venv/bin/mypy course/photcheck course/photcourse autograder/photgrader benchmarks
echo "The tests run, some 25 minutes on two cores; artefacts/*-tests.log say how far they are."
status=0
for number in "${!pids[@]}"; do
    result=passed
    wait "${pids[$number]}" || { result=FAILED; status=1; }
    printf -- '--- %s: %s\n' "${names[$number]}" "$result"
    cat "artefacts/${names[$number]}-tests.log"
done
exit $status
