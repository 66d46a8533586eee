"""Object arrays of plain scalars, the way pandas keeps strings: watched by their pointers, pickled only when those moved.

Comparing 500,000 pointers takes 0.3 ms where pickling the strings takes 100. The copy that is compared with keeps the objects
alive, so an equal pointer is the same object, and as every object in it is of an immutable type, the same value.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from mlm_jupyter.capture.streams import dump_plainly

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class ScalarBuffer:
    """The pickled list of an object array's items, and the copy of the array it was made of."""

    def __init__(self, copy: Array, pickled: bytes) -> None:
        self.copy = copy
        self.pickled = pickled
        self.fingerprint = xxh3_128_digest(pickled)


class ScalarWatch:
    """The object arrays met so far, each with what it was when last pickled."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[weakref.ref[Array], ScalarBuffer]] = {}

    def look(self, array: Array, flat: Array) -> ScalarBuffer | None:
        """Return the items of ``array`` (``flat``: in memory order) as a buffer, the same one while no pointer moved.

        None when an item is not a plain scalar: then the array is pickled item by item.
        """
        seen = self._seen.get(id(array))
        if seen is not None and seen[0]() is array and _is_same(seen[1].copy, flat):
            return seen[1]
        items = flat.tolist()
        if not PLAIN.issuperset(map(type, items)) and not _plain_types().issuperset(map(type, items)):
            return None
        buffer = ScalarBuffer(flat.copy(), dump_plainly(items))
        key = id(array)
        self._seen[key] = (weakref.ref(array, lambda _: self._seen.pop(key, None)), buffer)
        return buffer


PLAIN: frozenset[type] = frozenset({str, bytes, int, float, bool, complex, type(None)})


def _plain_types() -> frozenset[type]:
    """Return the immutable scalar types that tables hold, of the libraries that are loaded."""
    import datetime
    import decimal
    import sys

    types: set[type] = {datetime.date, datetime.datetime, datetime.time, datetime.timedelta, decimal.Decimal}
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        types |= {pandas.Timestamp, pandas.Timedelta, type(pandas.NaT), type(pandas.NA)}
    numpy = sys.modules["numpy"]
    types |= {numpy.float64, numpy.float32, numpy.int64, numpy.int32, numpy.bool_, numpy.str_}
    return frozenset(PLAIN | types)


def _pointers(flat: Array) -> memoryview:
    size = flat.size * flat.itemsize
    return memoryview((ctypes.c_char * size).from_address(flat.__array_interface__["data"][0])).cast("B")


def _is_same(copy: Array, flat: Array) -> bool:
    return copy.size == flat.size and xxh3_128_digest(_pointers(copy)) == xxh3_128_digest(_pointers(flat))
