#!/bin/sh
# Starts a student's server, as the student: a name for a uid that has none (Kubernetes), a copy of the lectures, limits, JupyterLab.
# Usage: start-server.sh SERVER-COMMAND [ARGUMENTS]; PHOTCOURSE_LECTURES names the shared folder of lectures.
if ! getent passwd "$(id -u)" >/dev/null 2>&1; then
    # Python, git and nbgrader ask for the name of who runs them.
    names=$(mktemp -d) && chmod 700 "$names"
    name=$(printf %s "${JUPYTERHUB_USER:-student}" | tr -d ':\n')
    { cat /etc/passwd; printf '%s:x:%s:%s::%s:/bin/bash\n' "$name" "$(id -u)" "$(id -g)" "$HOME"; } >"$names/passwd"
    { cat /etc/group; printf '%s:x:%s:\n' "$name" "$(id -g)"; } >"$names/group"
    export NSS_WRAPPER_PASSWD="$names/passwd" NSS_WRAPPER_GROUP="$names/group" LD_PRELOAD="libnss_wrapper.so${LD_PRELOAD:+:$LD_PRELOAD}"
fi
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
