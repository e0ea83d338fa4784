"""Measure what the one writer costs: prepared results into a gradebook in SQLite and in PostgreSQL.

Usage: .venv/bin/python -m benchmarks.writer [SUBMISSIONS]

The submissions are of the small assignment of the tests (three graded cells) and graded beforehand; merged they are in turns, a
third into one gradebook, then a third into the other. Printed are processor seconds of this process, wall seconds, and rates.
PostgreSQL is left out where it is not installed.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "photgrader")]


def main() -> None:
    """Measure and print."""
    from test_bench_postgres import BINARIES, postgres_server

    from photgrader.gradebook import writer
    from photgrader.release.build import build_release
    from photgrader.runs import parallel
    from support import ASSIGNMENT, RIGHT, make_course, submit

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 39
    with tempfile.TemporaryDirectory() as name:
        sqlite, postgres = pathlib.Path(name) / "sqlite", pathlib.Path(name) / "postgres"
        make_course(sqlite)
        for number in range(count):
            submit(sqlite, f"s{number:03d}", RIGHT)
        results = [
            result
            for _, result in parallel.run_here(parallel.submissions(sqlite, ASSIGNMENT), 2)
            if isinstance(result, dict)
        ]
        places = {"SQLite": sqlite}
        if BINARIES:
            shutil.copytree(sqlite, postgres)
            places["PostgreSQL"] = postgres
        with postgres_server() if BINARIES else contextlib.nullcontext() as address:
            if BINARIES:
                config = postgres / "nbgrader_config.py"
                config.write_text(f"{config.read_text()}\nc.CourseDirectory.db_url = {address!r}\n")
                shutil.rmtree(postgres / "release")
                build_release(postgres, ASSIGNMENT)
            spent = {place: [0.0, 0.0] for place in places}
            for root in places.values():
                writer.merge(root, results[0])
            for third in range(3):
                for place, root in places.items():
                    cpu, wall = time.process_time(), time.perf_counter()
                    for result in results[third::3]:
                        writer.merge(root, result)
                    spent[place][0] += time.process_time() - cpu
                    spent[place][1] += time.perf_counter() - wall
            for place, (cpu, wall) in spent.items():
                grades = sum(len(r["record"]["exercises"]) for r in results)
                print(
                    f"{place}: {cpu / count:.3f} s of processor and {wall / count:.3f} s a submission; {count / wall:.1f} submissions and "
                    f"{grades / wall:.0f} verdicts a second"
                )
            writer._engine.cache_clear()


if __name__ == "__main__":
    main()
