#!/usr/bin/env bash
# Takes a hub away again: its accounts, homes, exchange and gradebook. --all takes the environments too.
# Usage: hub/clean.sh [--instance NAME] [--all]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
all=
args=()
for word in "$@"; do if [ "$word" = --all ]; then all=1; else args+=("$word"); fi; done
python3 "$here/localhub.py" clean "${args[@]}"
if [ -n "$all" ]; then
    base=${PHOTCOURSE_HUB_DIR:-/opt/photcourse}
    if [ -n "$(ls -A "$base/instances" 2>/dev/null)" ]; then echo "Other instances are still in $base/instances; the environments stay." >&2; exit 1; fi
    for part in student grader versions .node node config lectures data instances; do rm -rf "${base:?}/$part"; done
    rmdir "$base" 2>/dev/null || true
    groupdel photgraders 2>/dev/null || true
    echo "The environments in $base are gone."
fi
