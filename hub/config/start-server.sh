#!/bin/sh
# Starts a student's server, as the student: a copy of the lectures at first, then limits, then JupyterLab.
# Usage: start-server.sh SERVER-COMMAND [ARGUMENTS]; PHOTCOURSE_LECTURES names the shared folder of lectures.
if [ -n "${PHOTCOURSE_LECTURES:-}" ] && [ -d "$PHOTCOURSE_LECTURES" ]; then
    mkdir -p "$HOME/lectures"
    for lecture in "$PHOTCOURSE_LECTURES"/*.ipynb; do
        # Never over what a student wrote: a lecture is copied once.
        [ -e "$HOME/lectures/${lecture##*/}" ] || cp "$lecture" "$HOME/lectures/" && chmod u+w "$HOME/lectures/${lecture##*/}"
    done
fi
if command -v prlimit >/dev/null 2>&1; then
    exec prlimit --nproc="${PHOTCOURSE_PROCESSES:-400}" --as="${PHOTCOURSE_ADDRESS_SPACE:-8589934592}" --core=0 -- "$@"
fi
exec "$@"
