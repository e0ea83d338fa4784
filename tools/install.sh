#!/usr/bin/env bash
# As pip's install, into the environment of a Python: tools/install.sh .venv/bin/python WORDS...
# uv does it in an eighth of pip's processor time: the system's, else one that is fetched into the environment's folder .uv (whoever
# calls removes it). It does not read pip's settings: where it finds no registry, or not everything there, pip does it.
# Of a person's uv.toml it has nothing: with target or prefix packages went elsewhere.
set -u
# Nor has pip or uv any of a person's choice of another place, nor Python another one's modules.
unset PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_ROOT UV_TARGET UV_PREFIX UV_PYTHON UV_SYSTEM_PYTHON
export PIP_USER=0
python=$1 own=$(dirname "$1")/../.uv
shift
pip=("$python" -m pip install -q --disable-pip-version-check --no-compile --retries 2)
if ! uv=$(command -v uv); then
    uv=$own/bin/uv
    [ -x "$uv" ] || "${pip[@]}" --no-deps --require-hashes --target "$own" -r <(grep '^uv==' "$(dirname "$0")/requirements/lock") >/dev/null 2>&1
fi
# Files are links to those of the cache: of a person's own they would have its rights (umask), and could be written there.
export UV_CACHE_DIR=$own/cache UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1
if [ -n "${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}; fi
if [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE=${SSL_CERT_FILE:-$PIP_CERT}; fi
if UV_HTTP_RETRIES=0 UV_HTTP_TIMEOUT=15 timeout --foreground -k 5 60 "$uv" pip compile -q --no-deps --no-header - <<<hatchling >/dev/null 2>&1; then
    "$uv" pip install -q --python "$python" "$@" && exit
fi
exec "${pip[@]}" "$@"
