#!/bin/sh
# Installs the course on The Littlest JupyterHub, or brings it up to date. As root, in a clone of the course:
#   deploy/tljh/install.sh
# Before: /etc/photcourse/hub.toml (deploy/single-server/hub.toml shows it), and `tools/setup.sh hub && python3 hub/localhub.py prepare`
# for the grader's environment. Variables, for tests: TLJH (/opt/tljh), PHOTCOURSE (/opt/photcourse), SYSTEMD (/etc/systemd/system).
set -eu
cd "$(dirname "$0")/../.."
tljh=${TLJH:-/opt/tljh} base=${PHOTCOURSE:-/opt/photcourse} systemd=${SYSTEMD:-/etc/systemd/system}
if [ ! -x "$tljh/user/bin/python" ]; then
    echo "There is no TLJH in $tljh; install it first (https://tljh.jupyter.org)." >&2
    exit 2
fi
"$tljh/user/bin/python" -m pip install -q -c constraints.txt ./course/photcheck "./course[lab]" nbgrader
# JupyterLab and nbgrader of the user environment read their configuration here.
install -d "$tljh/user/etc/jupyter/labconfig" "$tljh/user/share/jupyter/lab/settings" "$tljh/config/jupyterhub_config.d" "$base/config" "$base/lectures"
install -m 644 hub/config/nbgrader_config.py hub/config/jupyter_server_config.py "$tljh/user/etc/jupyter/"
install -m 644 hub/config/labconfig-student/page_config.json "$tljh/user/etc/jupyter/labconfig/"
install -m 644 hub/config/settings/overrides.json "$tljh/user/share/jupyter/lab/settings/"
install -D -m 644 -t "$tljh/user/share/jupyter/labextensions/photcourse-live/" hub/config/labextensions/photcourse-live/package.json
install -D -m 644 -t "$tljh/user/share/jupyter/labextensions/photcourse-live/static/" hub/config/labextensions/photcourse-live/static/card.js
install -m 644 course/lectures/*.ipynb "$base/lectures/"
install -m 644 hub/config/photcourse_hub.py "$base/config/"
install -m 755 hub/config/start-server.sh "$base/config/"
install -m 644 deploy/tljh/photcourse.py "$tljh/config/jupyterhub_config.d/"
# The formgrader is started by the hub, and its sandbox mounts a /proc of its own, which the kernel refuses beside one that is part read-only.
install -d "$systemd/jupyterhub.service.d"
printf '[Service]\nProtectKernelTunables=no\nTimeoutStartSec=infinity\n' >"$systemd/jupyterhub.service.d/photcourse.conf"
if [ -d /run/systemd/system ] && [ -z "${TLJH:-}" ]; then
    systemctl daemon-reload
    systemctl restart jupyterhub
fi
echo "The course is on this TLJH. Make the exchange: $base/grader/bin/photgrader exchange --root EXCHANGE --course NAME --grader ACCOUNT"
