"""What a live object becomes when it is kept with a run as a file: its name and its bytes.

Objects are recognised by what they can do (``savefig``, ``to_parquet``), so that no library is imported to ask.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from mlm_jupyter.errors import InvalidInputError, NotFoundError, StorageError
from mlm_jupyter.files import is_file, is_folder

LONGEST_NAME: Final = 1_000
_LONGEST_SHOWN: Final = 200
File = tuple[str, Path | bytes]
"""A name in the run, and where the bytes are."""


def files_of(value: object, name: str | None, *, taken: Collection[str] = (), skip: Collection[str] = ()) -> list[File]:
    """Return the files that ``value`` becomes.

    Parameters
    ----------
    value : a path of a file or folder; bytes; a figure; a table; a dict or list, which is written as JSON. A text is a
        path, unless it has several lines.
    name : what to call it, ``plots/roc.png``; its suffix chooses the format of figures (png) and tables (parquet, csv).
        None: the file's own name, or one not in ``taken``.
    skip : names of folders to leave out of a folder: the project's own, which grows while it is read.
    """
    if isinstance(value, os.PathLike) or (isinstance(value, str) and "\n" not in value):
        return _files(Path(value), name, skip)
    form = _form_of(value)
    if form is None:
        raise InvalidInputError(
            f"A value of the type {type(value).__qualname__} cannot be an artifact: give a path, bytes, a figure, a DataFrame, "
            "a dict or a list, or write it to a file first."
        )
    stem, suffix, write = form
    if name is None:
        name = _unused(stem, suffix, taken)
    elif not PurePosixPath(name).suffix:
        name += suffix
    return [(_checked(name), write(PurePosixPath(name).suffix.lower()))]


def _form_of(value: Any) -> tuple[str, str, Callable[[str], bytes]] | None:
    """Return the stem and suffix of a name for ``value``, and what writes it in the format of a suffix."""
    if isinstance(value, str):
        return "text", ".txt", lambda suffix: value.encode("utf-8", "replace")
    if isinstance(value, bytes | bytearray | memoryview):
        return "data", ".bin", lambda suffix: bytes(value)
    if isinstance(value, Mapping | list | tuple):
        return "data", ".json", lambda suffix: _json(value)
    if hasattr(value, "savefig"):
        return "figure", ".png", lambda suffix: _figure(value, suffix)
    if hasattr(value, "get_figure") and hasattr(value.get_figure(), "savefig"):
        return "figure", ".png", lambda suffix: _figure(value.get_figure(), suffix)
    if hasattr(value, "to_frame") and hasattr(value, "to_csv"):  # a pandas Series
        return _form_of(value.to_frame(value.name if value.name is not None else "value"))
    if hasattr(value, "to_parquet") or hasattr(value, "write_parquet"):
        suffix = ".parquet" if hasattr(value, "write_parquet") or find_spec("pyarrow") else ".csv"
        return "table", suffix, lambda suffix: _table(value, suffix)
    return None


def _json(value: object) -> bytes:
    try:
        return msgspec.json.format(msgspec.json.encode(value, enc_hook=_builtin), indent=2)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"This {type(value).__qualname__} cannot be written as JSON: {error}.") from error


def _builtin(value: Any) -> object:
    for convert in ("tolist", "item", "isoformat", "__fspath__"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"it holds a {type(value).__qualname__}")


def _figure(figure: Any, suffix: str) -> bytes:
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format=suffix[1:], bbox_inches="tight")
    except ValueError as error:  # the format is unknown: matplotlib lists those it knows
        raise InvalidInputError(f"Cannot write the figure as {suffix!r}: {error}.") from error
    return buffer.getvalue()


def _table(table: Any, suffix: str) -> bytes:
    """Return a table of pandas or polars as Parquet or CSV."""
    if suffix not in (".parquet", ".csv"):
        raise InvalidInputError(f"A table is written as .parquet or .csv, not {suffix!r}.")
    buffer = io.BytesIO()
    is_pandas = hasattr(table, "to_parquet")
    if suffix == ".csv":
        (table.to_csv if is_pandas else table.write_csv)(buffer)
        return buffer.getvalue()
    try:
        (table.to_parquet if is_pandas else table.write_parquet)(buffer)
    except (TypeError, ValueError, ImportError) as error:  # objects in a column; ArrowInvalid is a ValueError
        hint = "give the artifact a name that ends with .csv"
        raise InvalidInputError(f"Cannot write this table as Parquet ({str(error).splitlines()[0]}): {hint}.") from error
    return buffer.getvalue()


def _files(path: Path, name: str | None, skip: Collection[str]) -> list[File]:
    found = _find(path, skip)
    if found is None:
        shown = str(path) if len(str(path)) <= _LONGEST_SHOWN else f"{str(path)[:_LONGEST_SHOWN]}…"
        raise NotFoundError(f"There is no file or folder {shown!r}. To keep the text itself, give it encoded, as bytes.")
    if not found:
        raise InvalidInputError(f"The folder {str(path)!r} holds no files.")
    path = path.expanduser()
    if found == [path]:
        return [(_checked(name or path.name), path)]
    base = name or path.resolve().name
    return [(_checked(f"{base}/{file.relative_to(path).as_posix()}"), file) for file in found]


def _find(path: Path, skip: Collection[str]) -> list[Path] | None:
    """Return the file, or the files of the folder in order; None where there is neither."""
    try:
        path = path.expanduser()
        if is_file(path):
            return [path]
        return sorted(_walk(path, skip)) if is_folder(path) else None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise StorageError(f"Cannot read {str(error.filename or path)!r}: {error.strerror or error}.") from error
    except (ValueError, RuntimeError):  # a NUL in it; the home folder of nobody
        return None


def _walk(folder: Path, skip: Collection[str]) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [each for each in folders if each not in skip]
        yield from (file for file in (Path(root, each) for each in files) if is_file(file))


def _checked(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or len(name) > LONGEST_NAME or "\0" in name:
        raise InvalidInputError(f"{name[:60]!r} cannot name an artifact: use a relative path such as 'plots/roc.png'.")
    return str(path).encode("utf-8", "replace").decode()  # a file's name may be no text


def _unused(stem: str, suffix: str, taken: Collection[str]) -> str:
    numbered = (f"{stem}-{number}{suffix}" for number in itertools.count(2))
    return next(name for name in itertools.chain([stem + suffix], numbered) if name not in taken)
