# A student's server: the course package, JupyterLab and nbgrader's student side; nothing of the grader's.
# docker build -f deploy/docker/student.Dockerfile -t photcourse-student .
# Linted by the course's own tests (hadolint), not built there. Runs under any uid: start-server.sh gives it the hub's name of the student.
FROM python:3.12-slim-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends git libnss-wrapper tini util-linux \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /tmp/build
COPY constraints.txt ./
COPY course ./course
RUN python -m pip install --no-cache-dir -c constraints.txt ./course/photcheck "./course[lab,dask]" nbgrader jupyterhub \
 && python -m compileall -q /usr/local/lib/python3.12/site-packages \
 && rm -rf /tmp/build

COPY hub/config/nbgrader_config.py hub/config/jupyter_server_config.py /usr/local/etc/jupyter/
COPY hub/config/labconfig-student/page_config.json /usr/local/etc/jupyter/labconfig/page_config.json
COPY hub/config/settings/overrides.json /usr/local/share/jupyter/lab/settings/overrides.json
COPY hub/config/labextensions /usr/local/share/jupyter/labextensions
COPY --chmod=0755 hub/config/start-server.sh /usr/local/bin/start-server.sh
COPY course/lectures /srv/photcourse/lectures

ARG NB_UID=1000
RUN useradd --create-home --uid "${NB_UID}" --shell /bin/bash student
USER ${NB_UID}
WORKDIR /home/student
ENV HOME=/home/student \
    PHOTCOURSE_LECTURES=/srv/photcourse/lectures \
    PYTHONNOUSERSITE=1 \
    MPLBACKEND=Agg
EXPOSE 8888
ENTRYPOINT ["tini", "--", "start-server.sh"]
CMD ["jupyterhub-singleuser", "--ip=0.0.0.0", "--port=8888"]
