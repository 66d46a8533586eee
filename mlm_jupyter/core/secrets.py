"""Which variables look as if they held a secret, so that their values are not stored unless somebody wants it.

The name must say so in whole words, and the value must be text or hold some: ``api_key`` and ``githubToken`` are secrets;
``tokenizer``, ``n_tokens`` and ``secretary`` are not, nor is a DataFrame called ``passwords``. A token counts only in the
singular: ``tokens`` are what language models eat, and so is what is called ``pad_token`` or ``max_token``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any, Final

_WORDS: Final = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "secret",
        "credential",
        "cred",
        "apikey",
        "accesskey",
        "privatekey",
    }
)
_KEY_OF: Final = frozenset({"api", "access", "account", "auth", "deploy", "encryption", "private", "signing", "ssh"})
_NOT_A_LOGIN: Final = frozenset(
    {"n", "num", "max", "min", "count", "len", "length", "size", "id", "idx", "index", "per", "type", "special", "next"}
    | {"first", "last", "prev", "pad", "eos", "bos", "sep", "cls", "mask", "unk", "word", "start", "end", "stop"}
)
"""Beside ``token`` these speak of a language model's."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SELF_DECLARED: Final = frozenset({"SecretStr", "SecretBytes"})  # pydantic's
_LOOKED_AT: Final = 1_000


@functools.lru_cache(maxsize=1 << 12)
def looks_secret(name: str) -> bool:
    """Tell whether a name says in whole words, ``snake_case``, ``camelCase`` or ``API-KEY``, that it means a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    if "token" in words and _NOT_A_LOGIN.isdisjoint(words):
        return True
    singular = [word.removesuffix("s") for word in words if word != "pass"]
    if not _WORDS.isdisjoint(singular):
        return True
    return any(first in _KEY_OF and second in ("key", "keys") for first, second in pairwise(words))


def is_secret(name: str, value: object) -> bool:
    """Tell whether a variable's value is to be kept out of the store.

    It is when its name looks secret and it is text (``str``, ``bytes``, ``bytearray``) or a dict, list, tuple or set that
    holds text among its first 1,000 items, three levels deep; or when its type says so itself. Runs no code of the user's.
    """
    return type(value).__name__ in _SELF_DECLARED or (looks_secret(name) and _holds_text(value, 3))


def _holds_text(value: Any, depth: int) -> bool:
    kind = type(value)  # never `isinstance`, which asks the value
    if issubclass(kind, (str, bytes, bytearray)):
        return True
    if depth == 0:
        return False
    items: Iterable[object] = ()
    if issubclass(kind, dict):
        items = dict.values(value)
    elif kind in (list, tuple, set, frozenset):
        items = value
    return any(_holds_text(item, depth - 1) for item in list(islice(items, _LOOKED_AT)))
