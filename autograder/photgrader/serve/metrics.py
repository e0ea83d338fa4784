"""What the live service tells Prometheus, in its text format (version 0.0.4): numbers, and nobody's name."""

from __future__ import annotations

import time

from photgrader.serve.queue import Queue

BUCKETS = (1, 2, 5, 10, 30, 60, 300, 3600)


def _histogram(name: str, text: str, values: list[float]) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
    lines += [f'{name}_bucket{{le="{limit}"}} {sum(v <= limit for v in values)}' for limit in BUCKETS]
    return [
        *lines,
        f'{name}_bucket{{le="+Inf"}} {len(values)}',
        f"{name}_sum {sum(values):.3f}",
        f"{name}_count {len(values)}",
    ]


def text(queue: Queue) -> str:
    """Return the metrics of a course."""
    counts, seconds = queue.counts(), queue.seconds()
    alive = queue.fact("alive", {"time": 0.0})["time"]
    lines = ["# HELP photgrader_queue_length Hand-ins that wait for a verdict.", "# TYPE photgrader_queue_length gauge"]
    lines += [
        f'photgrader_queue_length{{state="{state}"}} {counts.get(state, 0)}' for state in ("waiting", "grading", "held")
    ]
    lines += [
        "# HELP photgrader_hand_ins_total Hand-ins that ended, by how.",
        "# TYPE photgrader_hand_ins_total counter",
    ]
    lines += [
        f'photgrader_hand_ins_total{{state="{state}"}} {counts.get(state, 0)}'
        for state in ("graded", "replaced", "refused", "failed")
    ]
    lines += [
        "# HELP photgrader_verdicts Verdicts that count, by the state of the record.",
        "# TYPE photgrader_verdicts gauge",
    ]
    lines += [f'photgrader_verdicts{{state="{state}"}} {n}' for state, n in sorted(queue.verdict_states().items())]
    lines += [
        "# HELP photgrader_doubts_open Doubts without an answer.",
        "# TYPE photgrader_doubts_open gauge",
        f"photgrader_doubts_open {sum(d['answered'] is None for d in queue.doubts())}",
        "# HELP photgrader_problems Troubles that the staff's page names.",
        "# TYPE photgrader_problems gauge",
        f"photgrader_problems {len(queue.problems())}",
        "# HELP photgrader_grader_silent_seconds Seconds since the grading process was last heard of.",
        "# TYPE photgrader_grader_silent_seconds gauge",
        f"photgrader_grader_silent_seconds {max(0.0, time.time() - alive):.1f}",
    ]
    lines += _histogram(
        "photgrader_verdict_seconds", "Seconds from seeing a hand-in to its verdict.", [s for s, _ in seconds]
    )
    lines += _histogram(
        "photgrader_grading_seconds", "Seconds from a hand-in's turn to its verdict.", [s for _, s in seconds]
    )
    return "\n".join(lines) + "\n"
