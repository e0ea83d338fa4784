"""Signatures of records.

A signature shows that a record was changed by somebody, or something, without the course's key: an edited or damaged
file, a record brought back from elsewhere. Who can read the key can sign; it is in the grader's private folder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

_DOMAIN = b"photgrader record 1\0"


# ------------------------------------------------------------------------------------------------ signatures
def signature(record: dict[str, Any], key: bytes) -> str:
    """Return the signature of a record: HMAC-SHA256 (RFC 2104) of its canonical JSON, its own signature left out.

    Parameters
    ----------
    record : dict
        Plain data.
    key : bytes
        The course's key; the seeds of hidden cases come from it by another function.
    """
    # By way of JSON once: what is signed is what will be read.
    body = json.loads(json.dumps({k: v for k, v in record.items() if k != "signature"}))
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, _DOMAIN + text.encode("ascii"), hashlib.sha256).hexdigest()


def signed(record: dict[str, Any], key: bytes) -> dict[str, Any]:
    """Return a record with its signature."""
    return {**record, "signature": signature(record, key)}


def verify(record: dict[str, Any], key: bytes) -> bool:
    """Tell whether a record is as the grader wrote it.

    Examples
    --------
    >>> record = signed({"student": "ada", "points": 3.0}, b"key")
    >>> verify(record, b"key"), verify({**record, "points": 4.0}, b"key"), verify({"student": "ada"}, b"key")
    (True, False, False)
    """
    given = record.get("signature")
    return isinstance(given, str) and hmac.compare_digest(
        given.encode("utf-8", "replace"), signature(record, key).encode()
    )
