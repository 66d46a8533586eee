"""Names for things: digests of bytes, canonical JSON, time-ordered ids."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from blake3 import blake3

from mlm_jupyter.core.surrogates import storable

Digest = str
"""The BLAKE3 hash of some bytes, as 64 lower-case hexadecimal digits."""

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
EPOCH_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z
_TIME_CHARACTERS: Final = 8  # 40 bits of milliseconds: until October 2060
_RANDOM_CHARACTERS: Final = 6

_encoder = msgspec.json.Encoder(order="deterministic")


def is_digest(text: str) -> bool:
    """Tell whether ``text`` is spelled as a digest is."""
    return len(text) == 64 and not text.strip("0123456789abcdef")


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    """Return the digest that names ``data``."""
    return blake3(data).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return the one JSON spelling of ``value``: UTF-8, keys in order, no spaces, so that equal values have equal digests.

    A lone surrogate, which no UTF-8 can carry, is written as U+FFFD; NaN and infinities become ``null``.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_without_surrogates(msgspec.to_builtins(value)))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(item) for item in value]
    return value


def make_id(now_ms: int, random_bits: int) -> str:
    """Return an id of 14 characters that sorts by ``now_ms``, with 30 of ``random_bits`` behind it.

    Parameters
    ----------
    now_ms : UTC milliseconds since the Unix epoch; not before 2026.
    random_bits : any non-negative integer; its low 30 bits are used.
    """
    return _base32(now_ms - EPOCH_MS, _TIME_CHARACTERS) + _base32(random_bits, _RANDOM_CHARACTERS)


def time_of_id(id: str) -> int:
    """Return the time by which an id of ``make_id`` sorts, in UTC milliseconds; ValueError where it is none."""
    if len(id) != _TIME_CHARACTERS + _RANDOM_CHARACTERS:
        raise ValueError(f"{id!r} is no id")
    time = 0
    for character in id[:_TIME_CHARACTERS]:
        time = time << 5 | ALPHABET.index(character)
    return time + EPOCH_MS


def _base32(number: int, width: int) -> str:
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(5 * (width - 1), -1, -5))
