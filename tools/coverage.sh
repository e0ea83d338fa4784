#!/usr/bin/env bash
# Which lines the quick tests run: a line a package, then the modules that lack most.
# Usage: tools/coverage.sh [WORDS FOR PYTEST ...]; the whole list afterwards: .venv/bin/coverage report --data-file .build/coverage/all
set -u
cd "$(dirname "$0")/.."
export PYTHONWARNINGS=default MPLBACKEND=Agg OPENBLAS_NUM_THREADS=1
rm -rf .build/coverage && mkdir -p .build/coverage
status=0
env --default-signal=INT .venv/bin/coverage run -m pytest -q -p no:cacheprovider -m "not heavy" -n 2 --dist worksteal "${@:-tests}" || status=1
# A process that was ended while it wrote leaves a file that cannot be read: its lines are not counted.
.venv/bin/coverage combine -q --data-file .build/coverage/all .build/coverage/data.* 2>/dev/null
.venv/bin/coverage json -q --data-file .build/coverage/all -o .build/coverage/all.json 2>/dev/null
.venv/bin/python - <<'END'
import collections
import json

ran, all_, lacks = collections.Counter(), collections.Counter(), []
for path, found in json.load(open(".build/coverage/all.json"))["files"].items():
    package = next((p for p in ("photcheck", "photcourse", "photgrader") if f"/{p}/" in f"/{path}"), "exercises")
    lines = found["summary"]
    ran[package] += lines["covered_lines"]
    all_[package] += lines["num_statements"]
    lacks.append((lines["missing_lines"], lines["num_statements"], path))
for lacking, lines, path in sorted(lacks)[:-13:-1]:
    print(f"{lacking:5d} of {lines:4d} lines are not run: {path}")
for package in sorted(all_):
    print(f"{package:10s} {ran[package]:6d} of {all_[package]:6d} lines, {ran[package] / all_[package]:.1%}")
END
exit $status
