# The grader's account as a service: the formgrader, the exercises, the sandbox. Never give this image to students.
# docker build -f deploy/docker/grader.Dockerfile -t photcourse-grader .
# Linted by the course's own tests (hadolint), not built there. The sandbox needs user namespaces and a /proc of its own inside the
# container: --security-opt seccomp=unconfined --security-opt systempaths=unconfined and, on hosts with AppArmor, --security-opt
# apparmor=unconfined. `photgrader doctor` says whether it works.
FROM python:3.12-slim-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap git tini util-linux \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /tmp/build
COPY constraints.txt ./
COPY course ./course
COPY autograder ./autograder
# Students' code is graded in the students' own environment, without the grader's packages.
RUN python -m venv /opt/photcourse/student \
 && /opt/photcourse/student/bin/pip install --no-cache-dir -c constraints.txt ./course/photcheck "./course[lab,dask]" \
 && python -m venv /opt/photcourse/grader \
 && /opt/photcourse/grader/bin/pip install --no-cache-dir -c constraints.txt ./course/photcheck "./course[lab]" "./autograder[hub]" \
 && python -m compileall -q /opt/photcourse \
 && rm -rf /tmp/build

COPY hub/config/nbgrader_config.py hub/config/jupyter_server_config.py /opt/photcourse/grader/etc/jupyter/
COPY hub/config/labconfig-grader/page_config.json /opt/photcourse/grader/etc/jupyter/labconfig/page_config.json

# What a new course begins with (deploy/kubernetes/grader.yaml copies it into the grader's home).
COPY source /opt/photcourse/course/source
COPY nbgrader_config.py photgrader.toml /opt/photcourse/course/
RUN sed -i '1i python = "/opt/photcourse/student/bin/python"' /opt/photcourse/course/photgrader.toml \
 && chmod -R a+rX /opt/photcourse/course

ARG GRADER_UID=2000
RUN useradd --create-home --uid "${GRADER_UID}" --shell /bin/bash grader-starlight
USER ${GRADER_UID}
WORKDIR /home/grader-starlight
ENV PATH=/opt/photcourse/grader/bin:/usr/local/bin:/usr/bin:/bin \
    PHOTCOURSE_COURSE_ROOT=/home/grader-starlight/starlight \
    PYTHONNOUSERSITE=1
EXPOSE 9999
ENTRYPOINT ["tini", "--"]
CMD ["jupyterhub-singleuser", "--ip=0.0.0.0", "--port=9999"]
