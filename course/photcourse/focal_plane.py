"""Many detectors: where they are in a camera, and how one function runs over all of them on a cluster.

The same call works on the processors of this machine and on a cluster somewhere else: only the address differs.
Lecture 8 explains each choice.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["ClusterError", "Outcome", "PITCH", "camera", "connect", "disconnect", "over_detectors", "share"]

#: Distance of neighbouring rafts and of neighbouring detectors in a raft, mm. A pixel has 0.010 mm and 0.2 arcsec.
PITCH = (127.0, 42.25)
#: Environment of the workers. Their libraries take one thread each: there is a worker for every processor. It takes the
#: place of Dask's own, which has `MALLOC_TRIM_THRESHOLD_` too: every freed array goes back to the system at once and is
#: asked for again page by page, and a detector took twice the time.
ONE_THREAD = {"OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1}


class ClusterError(RuntimeError):
    """There is no cluster at an address, or it has no workers."""


def camera() -> pd.DataFrame:
    """Detectors of a camera like Rubin's LSSTCam: 21 rafts of 3 x 3, a square of 5 x 5 rafts without its corners.

    Returns
    -------
    DataFrame
        189 rows, indexed by the detector's number, with ``raft`` and ``name`` (first digit the row from below, second
        the column) and the place of the middle ``x_mm, y_mm`` in the focal plane.
    """
    rows = []
    for raft_row, raft_column, row, column in itertools.product(range(5), range(5), range(3), range(3)):
        if raft_row in (0, 4) and raft_column in (0, 4):
            continue
        raft = f"R{raft_row}{raft_column}"
        rows.append((raft, f"{raft}_S{row}{column}", PITCH[0] * (raft_column - 2) + PITCH[1] * (column - 1),
                     PITCH[0] * (raft_row - 2) + PITCH[1] * (row - 1)))  # fmt: skip
    return pd.DataFrame(rows, columns=["raft", "name", "x_mm", "y_mm"]).rename_axis("detector")


def connect(address: str | None = None, *, workers: int | None = None, timeout: float = 10.0) -> Client:
    """Connect to a Dask cluster, or start one on this machine.

    Parameters
    ----------
    address : str, optional
        Of a scheduler, such as ``"tcp://10.0.0.5:8786"``. Without it processes are started here.
    workers : int, optional
        How many processes here; by default one for each processor. Each does one task at a time.
    timeout : float
        Seconds to wait for the scheduler at the address.

    Returns
    -------
    distributed.Client
        With `dashboard_link`, the address of the page that shows what the workers do. Give it to `disconnect` at the end.

    Raises
    ------
    ClusterError
        There is no scheduler at the address, or it has no workers; or Dask, which this lecture alone needs, is not installed.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ClusterError(
            "Dask is not installed, and nothing but this lecture needs it: run %pip install distributed bokeh in a cell, then "
            "restart the kernel."
        ) from None

    if address is None:
        with dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD, **_quick_start()}):
            cluster = LocalCluster(
                n_workers=workers or os.cpu_count() or 1,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.ERROR,
            )
        return Client(cluster)
    try:
        client = Client(address, timeout=timeout)
    except (OSError, TimeoutError, ValueError) as problem:
        raise ClusterError(f"there is no Dask scheduler at {address} ({type(problem).__name__}); start one with `dask scheduler`, or look at the "
                           "address") from problem  # fmt: skip
    if not client.scheduler_info(n_workers=-1)["workers"]:
        client.close()
        raise ClusterError(
            f"the scheduler at {address} has no workers; start some with `dask worker {address} --nthreads 1`"
        )
    return client


def _quick_start() -> dict[str, str]:
    """Let workers be copies of one process that has the libraries already, where the system can do that."""
    able = "forkserver" in multiprocessing.get_all_start_methods()
    return {"distributed.worker.multiprocessing-method": "forkserver"} if able else {}


def disconnect(client: Client) -> None:
    """Leave a cluster; one that `connect` started on this machine ends with its processes, another one stays.

    Parameters
    ----------
    client : Client
        As `connect` gave it.
    """
    own = client.cluster
    client.close()
    if own is not None:
        own.close()


def share(client: Client, value: Any) -> Any:
    """Put a value on every worker, once.

    Parameters
    ----------
    client : distributed.Client
        From `connect`.
    value : object
        Anything that can be pickled.

    Returns
    -------
    distributed.Future
        Stands for the value in `over_detectors`; the workers keep the value as long as the future is held.

    Notes
    -----
    ``client.scatter`` alone takes a dict for a set of named values, and names equal values alike, so that one that was
    just given up can be taken for one that is there; a list of one value and a name of its own avoid both.
    """
    return client.scatter([value], broadcast=True, hash=False)[0]


@dataclass(frozen=True)
class Outcome:
    """What came of one detector.

    Attributes
    ----------
    detector : int
        Its number.
    value : object
        What the function returned; None where it failed.
    problem : str
        Why it failed; empty where it did not.
    seconds : float
        How long it took, on the worker.
    """

    detector: int
    value: Any
    problem: str = ""
    seconds: float = 0.0


def _one_batch(function: Callable[[int, Any], Any], detectors: Sequence[int], shared: Any) -> list[Outcome]:
    """Run on a worker, one detector after the other; one that fails does not take the others with it."""
    outcomes = []
    for detector in detectors:
        start = time.perf_counter()
        try:
            value, problem = function(detector, shared), ""
        except Exception as failure:
            value, problem = None, f"{type(failure).__name__}: {failure}"
        outcomes.append(Outcome(detector, value, problem, time.perf_counter() - start))
    return outcomes


def over_detectors(
    client: Client, function: Callable[[int, Any], Any], detectors: Iterable[int], shared: Any = None, *, batch: int = 4, ahead: int = 3,
) -> Iterator[Outcome]:  # fmt: skip
    """Run a function over detectors on a cluster; yield what came of each as it comes.

    Parameters
    ----------
    client : distributed.Client
        From `connect`.
    function : callable
        ``function(detector, shared)``; its answer should be small, because it travels.
    detectors : iterable of int
        Their numbers.
    shared : object
        What all of them need: best the answer of `share`, which is on all workers already; a plain value is sent with
        every batch.
    batch : int
        Detectors in one task.
    ahead : int
        Tasks under way for each worker's thread: one at work, the others waiting there. More would only fill the
        scheduler's memory, whatever the number of detectors.

    Yields
    ------
    Outcome
        One for each detector, in the order in which they are done. A worker that dies costs a repetition elsewhere; a
        detector whose function fails gives an outcome that says why.
    """
    from distributed import as_completed

    waiting = _batched(detectors, batch)
    threads = sum(w["nthreads"] for w in client.scheduler_info(n_workers=-1)["workers"].values())
    sent: dict[Any, Sequence[int]] = {}

    def send(number: int) -> list[Any]:
        new = {
            client.submit(_one_batch, function, piece, shared, pure=False, retries=2): piece
            for piece in itertools.islice(waiting, number)
        }
        sent.update(new)
        return list(new)

    done = as_completed(send(max(1, threads) * ahead))
    for future in done:
        piece = sent.pop(future)
        if future.status == "finished":
            yield from future.result()
        else:
            failure = future.exception() if future.status == "error" else None
            words = f"{type(failure).__name__}: {failure}" if failure else f"the cluster lost it ({future.status})"
            yield from (Outcome(detector, None, words) for detector in piece)
        done.update(send(1))


def _batched(items: Iterable[int], size: int) -> Iterator[Sequence[int]]:
    """Stretches of a sequence (`itertools.batched` of Python 3.12)."""
    left = iter(items)
    while piece := tuple(itertools.islice(left, size)):
        yield piece
