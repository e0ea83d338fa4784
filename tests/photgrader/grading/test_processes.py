"""Processes that grade, while they are started."""

from __future__ import annotations

import subprocess
import sys

#: Ctrl-C comes without end, to the whole group, from before the server is started until the workers have said that they are there.
STARTED_UNDER_CTRL_C = """
import os, signal, sys, threading

def main():
    from photgrader.coursedir.settings import Settings
    from photgrader.grading import processes
    from photgrader.grading.task import READY, RunContext, look_task
    from photgrader.grading.worker import Worker

    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    done = threading.Event()

    def press():
        while not done.wait(0.002):
            os.killpg(0, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        processes.start_server()
        shared = RunContext({}, Settings(), b"key")
        workers = [Worker(None, shared, look_task) for _ in range(4)]
        for worker in workers:
            assert worker.channel.poll(60) and worker.take() == READY
    finally:
        done.set()
        presser.join()
    for worker in workers:
        worker.end()
    print("all there,", "nothing was lost" if heard else "nothing came")

if __name__ == "__main__":
    main()
"""


def test_ctrl_c_while_workers_are_being_started_ends_none_of_them_and_prints_nothing(tmp_path):
    script = tmp_path / "started.py"
    script.write_text(STARTED_UNDER_CTRL_C)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, start_new_session=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "all there, nothing was lost\n", "")
