"""Knowing an object again without keeping it alive."""

from __future__ import annotations

import itertools
import weakref
from typing import Any


class Identities:
    """Gives each object that can be weakly referred to a number of its own, never given again."""

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._next = itertools.count(1)

    def of(self, value: Any) -> bytes:
        """Return what stands for the very object ``value`` in a fingerprint."""
        known = self._numbers.get(id(value))
        if known is not None and known[0]() is value:
            return b"object %d" % known[1]
        key = id(value)
        try:
            reference = weakref.ref(value, lambda _: self._numbers.pop(key, None))
        except TypeError:
            return b"address %d" % key
        number = next(self._next)
        self._numbers[key] = (reference, number)
        return b"object %d" % number

    def proves(self, value: Any, fingerprint: str) -> bool:
        """Return whether ``fingerprint`` was made of this very object: an address alone proves nothing."""
        name = self.of(value)
        return name.startswith(b"object") and name.hex() == fingerprint
