#!/usr/bin/env bash
# A JupyterHub with the course on this machine's loopback address; Ctrl-C stops it. See docs/hub.md.
# Usage: hub/run.sh [--students N] [--port P] [--idle SECONDS] [--instance NAME] [--assignments A B ...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then exec python3 "$here/localhub.py" run "$@"; fi
"$here/../tools/setup.sh" hub
exec python3 "$here/localhub.py" run "$@"
