"""Plain-data form of the values that cross the border between a student's kernel and a grader.

Numbers, text, arrays, tables, quantities and figures become JSON with raw arrays in base64; nothing is
ever pickled, evaluated or imported by name, and every size is bounded on the way in. The same form
freezes the expected answers that travel with a release.

The module imports only the standard library and numpy at the top: it is also sent to kernels.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import threading
import zlib
from typing import Any

import numpy as np

from photcheck.values import DataRef, FigureData, Opaque, Sample

#: Largest array taken from a kernel, in bytes (a 4072 x 4000 float64 image is 130 MB; no answer is one).
MAX_ARRAY_BYTES = 64_000_000
#: Largest nesting of containers, number of items in one container, and length of a text.
MAX_DEPTH = 12
MAX_ITEMS = 200_000
MAX_TEXT = 1_000_000
#: What one message may unpack to beyond its own length, in all: a well packed array or a long text beside many short ones is
#: small until it is read.
MAX_TOTAL_BYTES = 128_000_000
#: What reading JSON may take, beside the text: so much, and so many times its length.
FREE_BYTES, TIMES_BYTES = 64_000_000, 8
#: What Python takes for each container, item and text of a message.
_COSTS = ((b"[", 88), (b"{", 216), (b",", 32), (b'"', 30))
#: Most cards of a header.
MAX_CARDS = 3000
MAX_ROWS = 1_000_000
#: Larger ones are no float.
MAX_INT = 10**300
#: Above this many bytes an array is compressed.
COMPRESS_ABOVE = 2_000


#: Bytes that the message being read may still unpack to, one count a thread.
_left = threading.local()
#: Whether arrays of what is being written are compressed, for each thread.
_writing = threading.local()


class WireError(ValueError):
    """A value that cannot cross the border, or a message that is not of the agreed form."""


def _is_from(value: Any, *packages: str) -> bool:
    return any(c.__module__.split(".")[0] in packages for c in type(value).__mro__)


# ------------------------------------------------------------------------------------------------- encode
def _encode_array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind not in "biufcSU":
        raise WireError(f"an array of dtype {array.dtype} does not travel")
    if array.dtype.kind in "SU":
        if array.size > MAX_ITEMS:
            raise WireError("a text array this long does not travel")
        return {"$": "texts", "shape": list(array.shape), "v": [str(t) for t in array.astype(str).ravel()]}
    if array.nbytes > MAX_ARRAY_BYTES:
        raise WireError(f"an array of {array.nbytes / 1e6:.0f} MB is too large to travel")
    # Byte order '<' always: FITS hands out big-endian arrays.
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    raw = array.tobytes()
    packed = len(raw) > COMPRESS_ABOVE and getattr(_writing, "packed", True)
    body = base64.b64encode(zlib.compress(raw, 6) if packed else raw).decode("ascii")
    return {"$": "array", "dtype": array.dtype.str, "shape": list(np.shape(array)), "z": packed, "b64": body}


def _numbers_of(column: np.ndarray) -> np.ndarray:
    """Return a column of Python objects as floats where each is one number.

    Tables that grow row by row from an empty one have such columns, and an empty table has nothing else.
    """
    if column.dtype != object or column.ndim != 1:
        return column
    numbers = [v.item() if isinstance(v, (np.ndarray, np.generic)) and v.size == 1 else v for v in column]
    plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in numbers)
    return np.array(numbers, dtype=float) if plain else column


def _encode_table(value: Any) -> dict[str, Any]:
    names = [str(n) for n in (value.columns if hasattr(value, "iloc") else value.colnames)]
    columns = []
    for name, key in zip(names, list(value.columns) if hasattr(value, "iloc") else names, strict=True):
        # The column itself: a table may give names a meaning of its own (photutils does for old ones).
        column = value[key] if hasattr(value, "iloc") else value.columns[key]
        if hasattr(column, "to_numpy"):
            column = _numbers_of(column.to_numpy())
        elif hasattr(column, "unit") and hasattr(column, "value") and column.unit is None:
            column = column.value
        elif not hasattr(column, "to_value"):
            unit = getattr(column, "unit", None)
            plain = np.ma.asarray(column) if hasattr(column, "mask") else _numbers_of(np.asarray(column))
            columns.append(
                [
                    name,
                    _encode(plain, 1)
                    if unit is None
                    else {"$": "quantity", "unit": str(unit), "v": _encode(np.ma.filled(plain, np.nan), 1)},
                ]
            )
            continue
        try:
            columns.append([name, _encode(column, 1)])
        except WireError:
            columns.append([name, {"$": "opaque", "type": type(column).__name__, "text": ""}])
    return {"$": "table", "kind": type(value).__name__, "rows": len(value), "columns": columns}


def _encode_figure(value: Any) -> dict[str, Any]:
    from photcheck.figures import figure_data

    return {"$": "figure", "axes": _encode(figure_data(value).axes, 1)}


def _encode_astropy(value: Any, depth: int) -> Any:
    name = type(value).__name__
    if hasattr(value, "colnames") and hasattr(value, "columns"):
        return _encode_table(value)
    if name == "Row" and hasattr(value, "colnames"):
        return _encode_table(value.table[value.index : value.index + 1])
    if hasattr(value, "to_value") and hasattr(value, "unit"):
        return {"$": "quantity", "unit": value.unit.to_string(), "v": _encode(np.asarray(value.value), depth + 1)}
    if hasattr(value, "icrs") and hasattr(value, "frame"):
        return {
            "$": "skycoord",
            "frame": value.frame.name,
            "lon": _encode(np.asarray(value.spherical.lon.deg), depth + 1),
            "lat": _encode(np.asarray(value.spherical.lat.deg), depth + 1),
        }
    if hasattr(value, "to_header_string") and hasattr(value, "wcs_pix2world"):
        return {"$": "wcs", "header": value.to_header_string(relax=True)}
    if hasattr(value, "cards") and hasattr(value, "tostring"):
        return {"$": "header", "text": value.tostring(sep="\n")}
    if isinstance(value, np.ndarray):
        return _encode(np.asarray(value), depth)
    raise WireError(f"a {name} does not travel")


def _encode_number(value: Any) -> Any:
    if isinstance(value, (bool, str)) or value is None:
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise WireError("a text this long does not travel")
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$": "int", "v": hex(value)[:300]}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$": "float", "v": repr(value)}
    return {"$": "complex", "re": _encode_number(value.real), "im": _encode_number(value.imag)}


def _encode(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise WireError("containers nested this deep do not travel")
    if value is None or type(value) in (bool, int, float, complex, str):
        return _encode_number(value)
    # Most of what travels is one of these, and to look where a class comes from takes longer than the rest.
    if type(value) in (np.float64, np.int64) and math.isfinite(value) and not getattr(_writing, "packed", True):
        return {"$": "number", "dtype": value.dtype.str[1:], "v": value.item()}
    if type(value) is np.ndarray or isinstance(value, np.generic):
        return _encode_array(np.asarray(value))
    if isinstance(value, DataRef):
        return {
            "$": "data",
            "dataset": value.dataset,
            "plane": value.plane,
            "origin": value.origin,
            "region": [list(r) for r in value.region],
            "minus": value.minus,
        }
    if isinstance(value, Sample):
        return {
            "$": "sample",
            "shape": list(value.shape),
            "stride": value.stride,
            "v": _encode(value.values, depth + 1),
        }
    if isinstance(value, FigureData):
        return {"$": "figure", "axes": _encode(value.axes, depth + 1)}
    if isinstance(value, Opaque):
        return {"$": "opaque", "type": value.type_name, "text": value.text}
    if isinstance(value, bytes):
        if len(value) > MAX_ARRAY_BYTES:
            raise WireError("bytes this many do not travel")
        return {"$": "bytes", "b64": base64.b64encode(value).decode("ascii")}
    if _is_from(value, "matplotlib"):
        # Before astropy: axes with sky coordinates come from both.
        return _encode_figure(value)
    if _is_from(value, "astropy"):
        return _encode_astropy(value, depth)
    if _is_from(value, "pandas") and hasattr(value, "columns"):
        return _encode_table(value)
    if _is_from(value, "pandas") and hasattr(value, "to_numpy"):
        return _encode(value.to_numpy(), depth)
    if isinstance(value, np.ma.MaskedArray):
        return {
            "$": "masked",
            "v": _encode(np.asarray(value.data), depth + 1),
            "mask": _encode(np.ma.getmaskarray(value), depth + 1),
        }
    if isinstance(value, np.ndarray):
        return _encode_array(np.asarray(value))
    if isinstance(value, dict):
        if len(value) > MAX_ITEMS:
            raise WireError("a dictionary this large does not travel")
        return {"$": "dict", "v": [[str(k), _encode(v, depth + 1)] for k, v in value.items()]}
    if isinstance(value, (set, frozenset)):
        # In an order of its own, so that equal sets travel as equal forms.
        return {"$": "set", "v": _encode(sorted(value, key=repr), depth + 1)["v"]}
    if isinstance(value, (list, tuple)):
        if len(value) > MAX_ITEMS:
            raise WireError("a list this long does not travel")
        kind = "list" if isinstance(value, list) else "tuple"
        return {"$": kind, "v": [_encode(v, depth + 1) for v in value]}
    if hasattr(value, "__array__") and not callable(value):
        return _encode_array(np.asarray(value))
    raise WireError(f"a {type(value).__name__} does not travel")


def encode(value: Any, *, packed: bool = True) -> Any:
    """Return the JSON-ready form of `value`; a kind that does not travel becomes an `Opaque`.

    Parameters
    ----------
    value : object
        Number, text, array, masked array, `~astropy.units.Quantity`, table (astropy or pandas), coordinate,
        WCS, header, matplotlib figure or axes, bytes, or lists, tuples, sets and dictionaries of these.
    packed : bool
        Whether to compress arrays; what is read at once and kept nowhere is not worth the time.

    Returns
    -------
    object
        Something `json.dumps` takes.
    """
    before, _writing.packed = getattr(_writing, "packed", True), packed
    try:
        return _encode(value)
    except WireError as problem:
        text = str(problem)
    except Exception as problem:
        # A student's object may raise anything from any attribute.
        text = f"{type(problem).__name__} while reading it"
    finally:
        _writing.packed = before
    return {"$": "opaque", "type": type(value).__name__[:80], "text": text[:200]}


# ------------------------------------------------------------------------------------------------- decode
def _decode_number(form: dict[str, Any]) -> np.float64 | np.int64:
    if type(form["v"]) is float and form["dtype"] == "f8":
        return np.float64(form["v"])
    if type(form["v"]) is int and form["dtype"] == "i8":
        return np.int64(form["v"])
    raise WireError("a number is not of the agreed form")


def _decode_array(form: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(str(form["dtype"])[:8])
    if dtype.kind not in "biufc" or dtype.itemsize > 32:
        raise WireError(f"dtype {dtype} is not accepted")
    shape = tuple(int(n) for n in form["shape"])
    if len(shape) > 8 or any(n < 0 for n in shape):
        raise WireError("that is not a shape")
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > MAX_ARRAY_BYTES:
        raise WireError(f"an array of {nbytes / 1e6:.0f} MB is too large")
    body = form["b64"]
    if not isinstance(body, str):
        raise WireError("an array's bytes are not of the agreed form")
    _charge(nbytes - len(body))
    raw = base64.b64decode(body, validate=True)
    if form.get("z"):
        # max_length bounds what a small message may unpack to.
        raw = zlib.decompressobj().decompress(raw, nbytes + 1)
    if len(raw) != nbytes:
        raise WireError("an array's bytes do not fit its shape")
    array = np.frombuffer(raw, dtype=dtype).reshape(shape).copy()
    return array.astype(dtype.newbyteorder("="), copy=False)


def _charge(nbytes: int) -> None:
    """Count what is made beyond the message's own length."""
    _left.bytes = getattr(_left, "bytes", MAX_TOTAL_BYTES) - max(0, nbytes)
    if _left.bytes < 0:
        raise WireError("a message this large is not accepted")


def _decode_texts(form: dict[str, Any]) -> np.ndarray:
    texts, shape = form["v"], tuple(int(n) for n in form["shape"])
    if not isinstance(texts, list) or len(texts) > MAX_ITEMS or not all(type(t) is str for t in texts):
        raise WireError("that is no array of texts")
    # Each takes as much as the longest.
    _charge(4 * max(map(len, texts), default=0) * len(texts))
    return np.array(texts, dtype=str).reshape(shape)


def _numbers(form: Any, depth: int) -> Any:
    """Return a part of a value that is a number or an array: of a list of texts numpy would make as many as the longest is long."""
    value = _decode(form, depth)
    if isinstance(value, (bool, int, float, complex, np.number)) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
    ):
        return value
    raise WireError("numbers are not of the agreed form")


def _column(form: Any, rows: int, depth: int) -> Any:
    value = _decode(form, depth)
    if isinstance(value, Opaque):
        _charge(80 * rows)
        return np.full(rows, value.type_name[:20])
    if not (isinstance(value, np.ndarray) or type(value).__name__ == "SkyCoord"):
        raise WireError("a table's column is not of the agreed form")
    return value


def _decode_table(form: dict[str, Any], depth: int) -> Any:
    from astropy.table import QTable

    table = QTable()
    rows = int(form["rows"])
    if not 0 <= rows <= MAX_ROWS:
        raise WireError("a table this long is not accepted")
    if len(form["columns"]) > 500:
        raise WireError("a table this wide is not accepted")
    for name, column in form["columns"]:
        value = _column(column, rows, depth + 1)
        if np.shape(value)[:1] != (rows,):
            raise WireError("a table's columns differ in length")
        table[str(name)[:100]] = value
    if not form["columns"]:
        return table
    return table


def _unit(text: str) -> Any:
    from astropy import units as u

    if len(text) > 100:
        raise WireError("that is not a unit")
    try:
        return u.Unit(text)
    except (ValueError, TypeError) as problem:
        raise WireError(f"{text!r} is not a unit") from problem


def _whole(value: int) -> int:
    """Return a whole number that every comparison and every text can be made of."""
    if abs(value) > MAX_INT:
        raise WireError("a number this large is not accepted")
    return value


def _decode_known(kind: str, form: dict[str, Any], depth: int) -> Any:
    if kind == "number":
        return _decode_number(form)
    if kind == "array":
        array = _decode_array(form)
        return array[()] if array.shape == () else array
    if kind in ("list", "tuple"):
        if len(form["v"]) > MAX_ITEMS:
            raise WireError("a list this long is not accepted")
        values = [_decode(v, depth + 1) for v in form["v"]]
        return values if kind == "list" else tuple(values)
    if kind == "set":
        if len(form["v"]) > MAX_ITEMS:
            raise WireError("a set this large is not accepted")
        # Numbers can be made to have one hash, and then each is compared with all before it.
        _charge(len(form["v"]) ** 2)
        # What cannot be in a set ends as a TypeError, which `decode` tells as a malformed message.
        return frozenset(_decode(v, depth + 1) for v in form["v"])
    if kind == "dict":
        return {str(k): _decode(v, depth + 1) for k, v in form["v"][:MAX_ITEMS]}
    if kind == "float":
        if form["v"] not in ("nan", "inf", "-inf"):
            raise WireError("that is not a float")
        return float(form["v"])
    if kind == "int":
        return _whole(int(str(form["v"])[:300], 16))
    if kind == "complex":
        return complex(_decode(form["re"], depth + 1), _decode(form["im"], depth + 1))
    if kind == "quantity":
        return _numbers(form["v"], depth + 1) * _unit(str(form["unit"]))
    if kind == "table":
        return _decode_table(form, depth)
    if kind == "masked":
        return _masked(_decode(form["v"], depth + 1), _numbers(form["mask"], depth + 1))
    if kind == "texts":
        return _decode_texts(form)
    if kind == "bytes":
        return base64.b64decode(form["b64"], validate=True)
    if kind == "opaque":
        return Opaque(str(form.get("type"))[:80], str(form.get("text"))[:200])
    if kind == "sample":
        return Sample(tuple(int(n) for n in form["shape"]), int(form["stride"]), _numbers(form["v"], depth + 1))
    if kind == "figure":
        return FigureData(_decode(form["axes"], depth + 1))
    return _decode_astropy(kind, form, depth)


def _masked(values: Any, mask: Any) -> Any:
    if not isinstance(values, (np.ndarray, np.generic, bool, int, float)):
        raise WireError("masked values are not of the agreed form")
    return np.ma.MaskedArray(values, mask=mask)


def _plain_wcs(header: Any) -> None:
    """Refuse a header that the library in C which reads it (wcslib) could not bear: it trusts the numbers of axes."""
    if len(header) > 500:
        raise WireError("a coordinate system of this many cards is not accepted")
    for card in header.cards:
        name, value = str(card.keyword), card.value
        axes = name in ("NAXIS", "WCSAXES") or name.startswith("WCSAXES")
        order = name.endswith("_ORDER")
        if (axes or order) and not (type(value) is int and 0 <= value <= (4 if axes else 9)):
            raise WireError(f"{name} is not one of a picture's coordinate system")
        if (
            any(int(n) > 99 for n in re.findall(r"\d+", name))
            or name.startswith(("CPDIS", "CQDIS", "DP", "DQ", "D2IM"))
            or "-TAB" in str(value)
        ):
            raise WireError(f"{name} is not one of a picture's coordinate system")


def _decode_astropy(kind: str, form: dict[str, Any], depth: int) -> Any:
    if kind == "data":
        if not getattr(_left, "data", False):
            # A name of a few letters is a file of any size: an answer holds none.
            raise WireError("an answer that is a course's file by its name is not accepted")
        return DataRef(
            str(form["dataset"]),
            str(form["plane"]),
            tuple((int(a), int(b)) for a, b in form["region"]),
            str(form["origin"]),
            float(form["minus"]),
        ).read()
    if kind == "skycoord":
        from astropy.coordinates import SkyCoord

        return SkyCoord(
            _numbers(form["lon"], depth + 1),
            _numbers(form["lat"], depth + 1),
            unit="deg",
            frame=str(form["frame"])[:30],
        )
    if kind in ("header", "wcs"):
        from astropy.io import fits

        text = str(form["text"] if kind == "header" else form["header"])[:MAX_TEXT]
        if text.count("\n") > MAX_CARDS or len(text) > 81 * MAX_CARDS:
            raise WireError("a header of this many cards is not accepted")
        header = fits.Header.fromstring(text, sep="\n" if kind == "header" else "")
        if kind == "header":
            return header
        from astropy.wcs import WCS

        _plain_wcs(header)
        return WCS(header)
    raise WireError(f"{kind!r} is not a kind of value")


def _decode(form: Any, depth: int = 0) -> Any:
    if depth > 3 * MAX_DEPTH:
        raise WireError("a message nested this deep is not accepted")
    if form is None or isinstance(form, (bool, float)):
        return form
    if isinstance(form, int):
        return _whole(form)
    if isinstance(form, str):
        if len(form) > MAX_TEXT:
            raise WireError("a text this long is not accepted")
        return form
    if isinstance(form, dict) and isinstance(form.get("$"), str):
        return _decode_known(form["$"], form, depth)
    raise WireError("a message is not of the agreed form")


def loads(body: bytes) -> Any:
    """Return what a JSON text holds, where reading it takes no more memory than `FREE_BYTES` and `TIMES_BYTES` times its length.

    A list or a dictionary of two characters takes a hundred bytes: what a text can hold at most is counted before it is read.

    Parameters
    ----------
    body : bytes
        The text, in UTF-8.

    Returns
    -------
    object
        Dictionaries, lists, texts and numbers.

    Raises
    ------
    WireError
        It could take more, or is nested too deep.
    ValueError
        It is no JSON.
    """
    # A short one cannot, whatever it holds.
    dense = len(body) * max(cost for _, cost in _COSTS) > FREE_BYTES
    if dense and sum(cost * body.count(sign) for sign, cost in _COSTS) > FREE_BYTES + TIMES_BYTES * len(body):
        raise WireError("a message of this many parts is not accepted")
    try:
        return json.loads(body)
    except RecursionError as problem:
        raise WireError("a message nested this deep is not accepted") from problem


def decode(form: Any, *, data: bool = False) -> Any:
    """Return the value that `encode` wrote, checking every part of the form.

    Parameters
    ----------
    form : object
        What `json.loads` gave.
    data : bool
        Whether a course's data files may be named: in arguments and frozen answers, never in an answer.

    Tables come back as `~astropy.table.QTable` whatever they were, numpy scalars stay numpy scalars.

    Raises
    ------
    WireError
        Where the form is malformed, too large or too deep; nothing of it is then used.
    """
    _left.bytes, _left.data = MAX_TOTAL_BYTES, data
    try:
        return _decode(form)
    except WireError:
        raise
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        MemoryError,
        RecursionError,
        binascii.Error,
        zlib.error,
    ) as problem:
        raise WireError(f"a message is not of the agreed form ({type(problem).__name__})") from problem
    except Exception as problem:
        # astropy raises exceptions of its own kinds for coordinates, headers and units.
        raise WireError(f"a value could not be rebuilt ({type(problem).__name__})") from problem
