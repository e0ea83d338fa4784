#!/usr/bin/env bash
# Installs what is missing: system packages (Debian), the environment .venv, its bytecode.
# Usage: tools/setup.sh [grading|bench|site|tests|hub]   (bench: what the photometry is compared with; site: Sphinx and
# MathJax; tests and hub need a browser and the hub's proxy as well)
set -eu
cd "$(dirname "$0")/.."
level=${1:-grading}

say() { printf '%s\n' "$*" >&2; }

# --- system packages -------------------------------------------------------------------------------------
missing=()
command -v bwrap >/dev/null 2>&1 || missing+=(bubblewrap)
command -v prlimit >/dev/null 2>&1 || missing+=(util-linux)
if [ -x /usr/bin/python3 ] && ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then missing+=(python3-venv); fi
command -v python3 >/dev/null 2>&1 || missing+=(python3 python3-venv)
if [ "$level" = tests ] || [ "$level" = hub ] || [ "$level" = site ]; then
    command -v npm >/dev/null 2>&1 || missing+=(npm)
fi
if [ "$level" = tests ] || [ "$level" = hub ]; then
    command -v sudo >/dev/null 2>&1 || missing+=(sudo)
fi
if [ "$level" = tests ]; then
    command -v chromium >/dev/null 2>&1 || missing+=(chromium)
    fc-list 2>/dev/null | grep -qi dejavu || missing+=(fonts-dejavu-core fontconfig)
    [ -x /usr/lib/postgresql/*/bin/postgres ] 2>/dev/null || missing+=(postgresql)
fi
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        if sudo -n true 2>/dev/null; then as_root=(sudo); else
            say "These system packages are missing and this user may not install them: ${missing[*]}."
            say "Ask an administrator to run: apt-get install ${missing[*]}    Then run the command again."
            exit 2
        fi
    fi
    command -v apt-get >/dev/null 2>&1 || { say "This system has no apt-get; install by hand: ${missing[*]}"; exit 2; }
    say "Installing system packages: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi

# --- Python environment ----------------------------------------------------------------------------------
# Debian's own Python first: a Python in somebody's home cannot be run by the hub's other users.
python=
for candidate in ${PHOTCOURSE_PYTHON:-} /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { say "Python 3.11 or later with venv is needed and was not found; install it (Debian 12: apt-get install python3 python3-venv)."; exit 2; }

# What grades and shows needs neither the tests' tools nor the hub's.
case "$level" in grading) extras= ;; bench) extras='[bench]' ;; site) extras='[site]' ;; *) extras='[test,hub,site]' ;; esac
stamp=$( { cat constraints.txt course/pyproject.toml autograder/pyproject.toml tools/setup.sh; "$python" --version; } | sha256sum | cut -c1-16)
# The hub has environments of its own, where its accounts can read them (hub/localhub.py).
if [ "$level" != hub ] && [ ! -f ".venv/.installed-$stamp$extras" ] && [ ! -f ".venv/.installed-$stamp[test,hub,site]" ]; then
    say "Making the environment .venv (a minute or two, with packages downloaded)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e 'course[lab]' -e "autograder$extras" 2>&1 | grep -v '^WARNING: Location' >&2 || true
    .venv/bin/python -c 'import photcourse, photgrader, nbgrader, photutils' || { say "The environment could not be made; the messages above say why."; exit 2; }
    # Without bytecode every kernel would compile what it imports anew.
    .venv/bin/python -m compileall -q -j 0 "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" >/dev/null 2>&1 || true
    # matplotlib's list of fonts, made once.
    MPLBACKEND=Agg .venv/bin/python -c 'import matplotlib.pyplot' 2>/dev/null || true
    touch ".venv/.installed-$stamp$extras"
fi
if [ "$level" != grading ] && [ "$level" != bench ] && [ ! -x .venv/node/node_modules/.bin/configurable-http-proxy ]; then
    say "Installing MathJax, axe and the hub's proxy"
    mkdir -p .venv/node && cp tools/package.json .venv/node/ && npm install --silent --no-audit --no-fund --prefix .venv/node >/dev/null
fi
# The tests of the hub start one, which only root can; elsewhere they are skipped and say so.
if [ "$level" = tests ] && [ "$(id -u)" = 0 ]; then python3 hub/localhub.py prepare; fi
