"""Knowing an object again without keeping it alive."""

from __future__ import annotations

import itertools
import os
import weakref
from typing import Any, Final

from blake3 import blake3

_ADDRESS: Final = b"address "
_LONGEST_TEXT: Final = 1 << 16


class Identities:
    """Gives each object that can be weakly referred to a number of its own, never given again."""

    def __init__(self) -> None:
        self._salt = os.urandom(32)
        self._texts: dict[bytes, int] = {}
        self._numbers: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._next = itertools.count(1)

    def of(self, value: Any) -> bytes:
        """Return what stands for the very object ``value`` in a fingerprint; for a text that is not long, any equal one.

        Of a text, a secret most of the time, there is only a hash, by a salt that is nowhere else.
        """
        if type(value) in (str, bytes) and len(value) <= _LONGEST_TEXT:
            data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
            digest = blake3(type(value).__name__.encode() + data, key=self._salt).digest()
            if digest not in self._texts:
                self._texts[digest] = next(self._next)
            return b"object %d" % self._texts[digest]
        known = self._numbers.get(id(value))
        if known is not None and known[0]() is value:
            return b"object %d" % known[1]
        key = id(value)
        try:
            reference = weakref.ref(value, lambda _: self._numbers.pop(key, None))
        except TypeError:
            return _ADDRESS + b"%d" % key
        number = next(self._next)
        self._numbers[key] = (reference, number)
        return b"object %d" % number

    def proves(self, value: Any, fingerprint: str) -> bool:
        """Return whether ``fingerprint`` was made of this very object: an address alone proves nothing."""
        name = self.of(value)
        return name.startswith(b"object") and name.hex() == fingerprint


def is_address(identity: bytes) -> bool:
    """Return whether this is all there is to tell an object by, so that another may come to have it."""
    return identity.startswith(_ADDRESS)
