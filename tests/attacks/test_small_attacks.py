"""Attacks that need no submission of their own, on what reads students' data; and how many attacks there are in all."""

from __future__ import annotations

import collections
import shutil
import signal
import tracemalloc

from attacks.corpus import corpus
from attacks.doors import DOORS
from attacks.small import READERS

#: What reading n bytes may hold: so much, and so many times n; and after how long it is taken for endless.
FREE, TIMES, ENDLESS = 128_000_000, 64, 30


def test_readers_take_or_refuse_what_they_are_given_within_their_limits(capsys):
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    faults = []

    def late(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    try:
        for attack in READERS:
            found: dict[str, object] = {}
            tracemalloc.start()
            signal.alarm(ENDLESS)
            try:
                found["through"] = attack.act()
            except TimeoutError:
                found["over"] = f"no end in {ENDLESS} s"
            except BaseException as problem:  # noqa: BLE001 - whatever it is, it is not told as what came in
                found["crashed"] = f"{type(problem).__name__}: {str(problem)[:200]}"
            finally:
                signal.alarm(0)
                held = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            if held > FREE + TIMES * attack.size:
                found["over"] = f"{held / 1e6:.0f} MB of {attack.size} bytes"
            counts[attack.kind].update(attacks=1, **{word: 1 for word, value in found.items() if value})
            faults += [f"{attack.kind}, {attack.name}: {word}: {value}" for word, value in found.items() if value]
    finally:
        signal.signal(signal.SIGALRM, before)
    with capsys.disabled():
        print(f"\n{'class':<18}{'attacks':>8}{'through':>9}{'over':>6}{'crashed':>9}")
        for kind, c in counts.items():
            print(f"{kind:<18}{c['attacks']:>8}{c['through']:>9}{c['over']:>6}{c['crashed']:>9}")
    assert not faults, "\n".join(faults)


def test_there_are_as_many_attacks_as_were_asked_for_in_every_class_and_none_twice():
    names = [a.name for a in corpus()] + [a.name for a in READERS] + list(DOORS)
    kinds = collections.Counter([a.kind for a in corpus()] + [a.kind for a in READERS] + ["doors"] * len(DOORS))
    assert len(set(names)) == len(names) >= 240 and len(kinds) >= 16 and min(kinds.values()) >= 5, kinds
    assert {a.kind for a in corpus()} == set(kinds), "of each class there is one that is handed in"
    assert shutil.which("pgrep"), "needed to look for processes that are left over"
