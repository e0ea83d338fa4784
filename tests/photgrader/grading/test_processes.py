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


#: A worker is asked to end at one of its lines, and at the next once more; each time in a fork of its own.
ENDED_AT_A_LINE = """
import os, signal, sys, traceback, types

from photgrader.coursedir.settings import Settings
from photgrader.grading import task

class Channel:
    left = 2
    def send(self, answer):
        if self.left == 0:
            raise BrokenPipeError
    def recv(self):
        self.left -= 1
        if self.left < 0:
            raise EOFError
        return task.Task("ada", "a", "n", "", "{}", Settings(), b"key")

def worker(line):
    cleared, seen = [], [0]
    sys.modules["photgrader.sandbox.warm"] = types.SimpleNamespace(close=lambda: cleared.append(1))

    def trace(frame, event, arg):
        if frame.f_code.co_filename != task.__file__:
            return None
        if event == "line":
            seen[0] += 1
            if seen[0] in (line, line + 1):
                os.kill(os.getpid(), signal.SIGTERM)
        return trace

    sys.settrace(trace)
    try:
        task.serve(Channel(), None, task.RunContext({}, Settings(), b"key"), task.look_task)
    finally:
        sys.settrace(None)
    assert cleared == [1], cleared
    os._exit(3 if seen[0] < line else 0)

line, codes = 0, []
task.look_task = lambda task: {}
while 3 not in codes:
    line += 1
    assert line < 500
    if (pid := os.fork()) == 0:
        try:
            worker(line)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(codes.index(0), "lines before it is listened to;", sorted(set(codes)))
"""


def test_a_worker_that_is_asked_to_end_between_any_two_lines_clears_up_and_says_nothing():
    done = subprocess.run([sys.executable, "-c", ENDED_AT_A_LINE], capture_output=True, text=True, timeout=300)
    assert done.stderr == "" and done.stdout.endswith("lines before it is listened to; [-15, 0, 3]\n"), done


#: Started for an assignment, the server has its exercises; whoever started it has not.
PRELOADED = """
import pathlib, sys

def loaded(channel):
    channel.send([name in sys.modules for name in ("photgrader.exercises.hw1.mean", "photgrader.exercises.hw2")])

def main():
    from photgrader.exercise import use_course
    from photgrader.grading import processes

    use_course(pathlib.Path(sys.argv[1]))
    processes.start_server("hw1")
    ours, theirs = processes.context().Pipe()
    process = processes.context().Process(target=loaded, args=(theirs,))
    process.start()
    print(ours.recv(), processes.slip_in("hw1"), processes.slip_in("hw2"))
    print([name for name in sys.modules if name.startswith("photgrader.exercises.")])
    process.join()

if __name__ == "__main__":
    main()
"""


def test_the_server_imports_the_exercises_of_its_run_and_tells_what_is_wrong_with_them(tmp_path):
    for name, text in {"hw1/mean.py": "total = 0", "hw2/slip.py": "total = 0\n1 / 0\n"}.items():
        path = tmp_path / "exercises" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    script = tmp_path / "preloaded.py"
    script.write_text(PRELOADED)
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300)
    said, mine = done.stdout.splitlines()
    assert said.startswith("[True, False]  ") and done.stderr == ""
    assert "hw2/slip.py, line 2: ZeroDivisionError" in said and said.endswith("Mend it, then run the command again.")
    assert mine == "[]"
