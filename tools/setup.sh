#!/usr/bin/env bash
# Installs what one thing needs and no more: system packages (Debian), the environment .venv, and its bytecode.
# Usage: tools/setup.sh [lab|grading|bench|site|tests|hub]
#   lab      the notebooks in JupyterLab, as a student has them
#   grading  building, grading, reports and the demonstration, without JupyterLab
#   bench    grading, and what the benchmarks compare with
#   site     the web site (Sphinx, MathJax)
#   tests    everything; hub: system packages and the proxy (a hub has environments of its own, hub/localhub.py)
# UNSAFE=1 leaves out the question whether the sandbox works here. Each trouble ends with exit code 2 and says what to do.
set -eu
cd -P "$(dirname "$0")/.."
level=${1:-grading}
# What root makes here is read by other users, as which kernels and students' servers run; so is the course itself.
umask 022
# Another Python's modules, which clusters and desktops name for all, are none of ours (Makefile).
unset PYTHONPATH PYTHONHOME
if [ "$(id -u)" = 0 ]; then chmod -R go+rX course 2>/dev/null || true; fi

say() { printf '%s\n' "$*" >&2; }
stop() { say "$*"; exit 2; }
wants() { case " $* " in *" $level "*) true ;; *) false ;; esac; }

# MB to download and on the disk, as measured on Debian 12.
case $level in
    lab) sizes=(210 570) ;; grading) sizes=(190 580) ;; bench) sizes=(195 640) ;; site) sizes=(250 800) ;; tests) sizes=(380 1310) ;;
    hub) sizes=(0 0) ;; *) stop "tools/setup.sh knows no level '$level'; choose lab, grading, bench, site, tests or hub." ;;
esac

# --- already there? --------------------------------------------------------------------------------------
# Debian's own Python first: a Python in somebody's home cannot be run by the hub's other users.
python=
for candidate in ${PHOTCOURSE_PYTHON:-} /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
    # Debian's own may lack venv, which a package brings; no package mends another Python's.
    if "$candidate" -c 'import sys; sys.executable == "/usr/bin/python3" or __import__("ensurepip"); sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate; break
    fi
done
stamp=$({ cat constraints.txt tools/requirements/* course/photcheck/pyproject.toml course/pyproject.toml autograder/pyproject.toml tools/setup.sh tools/install.sh; "${python:-true}" --version; } | sha256sum | cut -c1-16)

# Whole, and made in this very folder: scripts and packages of a .venv hold its path.
whole() { [ ! -e .venv/.making ] && [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && grep -qF "$PWD/.venv" .venv/bin/activate .venv/pyvenv.cfg 2>/dev/null; }
installed() { whole && { [ -e ".venv/.installed-$stamp-$level" ] || [ -e ".venv/.installed-$stamp-tests" ]; }; }

if ! { mkdir -p .build && : >>.build/setup.lock; } 2>/dev/null; then
    if installed; then exit 0; fi
    stop "This folder cannot be written by $(id -un) (or its disk is full): copy it to a place of your own, with space, and run the command there."
fi
# One set-up at a time; the lock goes with the process that holds it.
exec 9>>.build/setup.lock
if ! flock -n 9; then say "Another set-up is running in this folder; waiting for it."; flock 9; fi
log=$PWD/.build/setup.log

# --- system packages -------------------------------------------------------------------------------------
missing=()
if wants grading bench tests hub && ! command -v bwrap >/dev/null 2>&1; then missing+=(bubblewrap); fi
command -v prlimit >/dev/null 2>&1 || missing+=(util-linux)
if [ -z "$python" ]; then missing+=(python3 python3-venv)
elif [ "$level" != hub ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then missing+=(python3-venv); fi
if wants tests hub site && ! command -v npm >/dev/null 2>&1; then missing+=(npm); fi
if wants tests hub && ! command -v sudo >/dev/null 2>&1; then missing+=(sudo); fi
if wants tests; then
    command -v chromium >/dev/null 2>&1 || missing+=(chromium)
    fc-list 2>/dev/null | grep -qi dejavu || missing+=(fonts-dejavu-core fontconfig)
    [ -x /usr/lib/postgresql/*/bin/postgres ] 2>/dev/null || missing+=(postgresql)
fi
if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null 2>&1 || stop "This system has no apt-get; install by hand, then run the command again: ${missing[*]}"
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        if sudo -n true 2>/dev/null; then as_root=(sudo); else
            stop "These system packages are missing: ${missing[*]}. Run: sudo apt-get install -y ${missing[*]}    (or ask who may), then run the command again."
        fi
    fi
    say "Installing system packages: ${missing[*]}"
    apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 9>&-; }
    : >"$log"
    apt update || true
    apt install -y "${missing[@]}" || stop "These system packages could not be installed: ${missing[*]} (is there a network? $log says what apt-get said)."
    if [ -z "$python" ]; then
        "/usr/bin/python3" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "Python 3.11 or later is needed, and this system's is older; install one and name it in PHOTCOURSE_PYTHON."
        exec "$0" "$level"
    fi
fi

# --- the sandbox, before a minute is spent ---------------------------------------------------------------
if wants grading bench tests && [ -z "${UNSAFE:-}" ]; then
    if ! reason=$(bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev /bin/true 2>&1); then
        say "Students' code is graded in a sandbox of user namespaces, and this machine does not allow it ($(tail -n 1 <<<"$reason"))."
        say "Allow it (sudo sysctl -w kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a container --security-opt seccomp=unconfined), or use another machine."
        stop "To see the demonstration all the same, whose students are simulated and harmless, without a sandbox: make demo UNSAFE=1"
    fi
fi

# --- the environment -------------------------------------------------------------------------------------
# What pip, uv or npm printed is kept; the person is told its last complaint.
failed() {
    if grep -qE 'No space left|os error 28' "$log"; then stop "The disk is full: $1 needs ${sizes[1]} MB here and some hundred in $(dirname "$(mktemp -u)"). Make space and run the command again."; fi
    if grep -qiE 'do not match the hashes|hash mismatch' "$log"; then stop "$1 was not installed: the registry serves another file than the one that was tested ($(grep -oE '[A-Za-z0-9._-]+==[^ ,]+' "$log" | tail -n 1)). Take another registry (PIP_INDEX_URL), or ask who keeps this one; $log says more."; fi
    stop "$1 could not be installed: $( { grep -iE '^ *(error|× )|npm ERR|npm error' "$log" || cat "$log"; } | tail -n 1 | cut -c1-300) ($log says more)."
}

if [ "$level" != hub ] && ! installed; then
    if [ -e .venv/bin ] && ! whole; then
        say "The environment .venv was interrupted while it was made, or moved here from another folder; it is made anew."
        rm -rf .venv/bin .venv/lib .venv/lib64 .venv/include .venv/share .venv/etc .venv/pyvenv.cfg .venv/.installed-* .venv/.making
    fi
    free=$(df -Pm . | awk 'NR == 2 { print $4 }')
    if [ ! -e .venv/bin ] && [ "$free" -lt "${sizes[1]}" ]; then stop "The environment needs ${sizes[1]} MB, and this disk has $free MB left. Make space and run the command again."; fi
    say "Making the environment .venv for '$level': about ${sizes[0]} MB to download, ${sizes[1]} MB on the disk; a minute or two"
    { mkdir -p .venv && : >"$log"; } 2>/dev/null || stop "Nothing can be written here (the disk is full, or $(id -un) may not)."
    "$python" -m venv .venv >>"$log" 2>&1 || failed "The environment"
    pip=(.venv/bin/python -m pip --disable-pip-version-check)
    "${pip[@]}" --version >>"$log" 2>&1 || "$python" -m venv --clear .venv >>"$log" 2>&1 || failed "The environment"
    # One small package first: where no registry answers, that is known in seconds.
    probe=$(mktemp -d)
    {
        UV_NO_CONFIG=1 UV_HTTP_RETRIES=0 UV_HTTP_TIMEOUT=15 timeout --foreground -k 5 60 uv pip compile -q --no-deps --no-header - <<<hatchling ||
            "${pip[@]}" download -q --no-deps --retries 0 --timeout 15 -d "$probe" hatchling
    } >>"$log" 2>&1 || found=no
    rm -rf "$probe"
    if [ -n "${found:-}" ]; then
        if grep -q 'No space left' "$log"; then failed "The environment"; fi
        stop "The packages could not be fetched: no package registry answers (is there a network? a proxy is named in HTTPS_PROXY, a registry of your own in PIP_INDEX_URL). $log says more."
    fi
    touch .venv/.making
    own=(-e course/photcheck -e course)
    [ "$level" = lab ] || own+=(-e autograder)
    # The level's packages with their hashes: what a registry serves has to be what was tested.
    awk -F == 'NR == FNR { wanted[$1]; next } $1 in wanted' "tools/requirements/$level.txt" tools/requirements/lock >.build/locked.txt
    install=(tools/install.sh .venv/bin/python --no-deps)
    "${install[@]}" --require-hashes -r .build/locked.txt >>"$log" 2>&1 || failed "The environment"
    "${install[@]}" "${own[@]}" >>"$log" 2>&1 || failed "The environment"
    rm -rf .venv/.uv
    # Bytecode of what is imported: a kernel in the sandbox cannot write it, and would compile anew each time, for seconds;
    # so it is written here even where the machine says (as containers do) that none is. matplotlib's list of fonts is made by
    # the same import.
    used='import IPython, ipykernel.ipkernel, matplotlib.pyplot, matplotlib.backends.backend_agg, photcheck, photcourse, photutils.aperture
import photutils.background, photutils.centroids, photutils.datasets, photutils.detection, photutils.psf, photutils.segmentation
import pandas, scipy.ndimage, scipy.optimize, scipy.signal, scipy.spatial, scipy.stats, scipy.fft, scipy.interpolate, skimage.registration
import astropy.convolution, astropy.coordinates, astropy.io.fits, astropy.modeling.models, astropy.stats, astropy.table, astropy.visualization, astropy.wcs'
    [ "$level" = lab ] && used+=$'\nimport jupyterlab.labapp' || used+=$'\nimport nbgrader.apps, photgrader.cli, photgrader.runs.run, nbconvert'
    env -u PYTHONDONTWRITEBYTECODE MPLBACKEND=Agg .venv/bin/python -c "$used" >>"$log" 2>&1 || failed "The environment"
    touch ".venv/.installed-$stamp-$level" && rm .venv/.making
fi

if wants site tests hub && [ ! -x .venv/node/node_modules/.bin/configurable-http-proxy ]; then
    say "Installing MathJax, axe and the hub's proxy"
    mkdir -p .venv/node && cp tools/package.json .venv/node/
    npm install --silent --no-audit --no-fund --fetch-retries 1 --fetch-timeout 30000 --prefix .venv/node >"$log" 2>&1 9>&- || failed "MathJax, axe and the hub's proxy"
fi
