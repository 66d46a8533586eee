"""What a cell's output area shows, made from the kernel's messages by JupyterLab's rules, and kept within a limit.

An output is a dict of nbformat 4.5. What comes after the outputs were taken (a thread's print, an update of a display)
is a list of *late records*, which :func:`join` applies to them. A record is an output to append, or one of

* a ``stream`` with ``erase``: it goes on with the last output, of which it replaces that many characters at the end;
* ``update_display_data`` with ``targets``: new data and metadata for the outputs at these positions;
* ``clear_output``: everything before it is gone.

Outputs are compared and passed on, more often than read. So they can be *sealed*: each field is left in canonical JSON.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

import msgspec

from mlm_jupyter.core.line import Line

if TYPE_CHECKING:  # a kernel that is not tracked yet loads this, and no hash
    from mlm_jupyter.core.digest import Digest

Output: TypeAlias = dict[str, Any]

LIMIT_BYTES: Final = 10_000_000
_SMALL: Final = 65_536  # texts grow to this size before there are two
_OVERHEAD: Final = 200  # counted for every output, so that a million tiny ones are bounded too


def join(outputs: Iterable[Output], records: Iterable[Output]) -> list[Output]:
    """Return ``outputs`` as they look after the late ``records``, in the order these were taken.

    Where some were lost with a damaged page, the others are joined all the same, to what is there.
    """
    joined = [*outputs]
    for record in records:
        match record:
            case {"output_type": "clear_output"}:
                joined.clear()
            case {"output_type": "update_display_data", "targets": targets}:
                for target in targets:
                    if target < len(joined):
                        joined[target] = joined[target] | {key: record[key] for key in ("data", "metadata")}
            case {"output_type": "stream", "erase": erase}:
                before = joined.pop()["text"] if joined and joined[-1]["output_type"] == "stream" else ""
                joined.append(_stream(record["name"], before[: len(before) - erase] + record["text"]))
            case _:
                joined.append(record)
    return joined


def left_out(size_bytes: int, digest: Digest = "") -> Output:
    """Return what stands where ``size_bytes`` of output are not shown; their digest tells it from others of that size."""
    which = f" ({digest[:12]})" if digest else ""
    return _notice(f"{size_bytes / 1e6:,.2f} MB of this cell's output are left out here{which}.")


def seal(outputs: bytes | bytearray) -> list[Output]:
    """Return outputs given in canonical JSON, sealed: two fields are equal if they are equal in JSON."""
    return _seal(outputs)


def unseal(field: object) -> Any:
    """Return what a field of an output holds, sealed or not."""
    return msgspec.json.decode(field) if isinstance(field, msgspec.Raw) else field


def bundle_of(data: object) -> Mapping[str, Any]:
    """Return a field that holds a value for each media type; of a sealed one these are sealed. Anything else holds none."""
    if isinstance(data, msgspec.Raw):
        return _seal_bundle(data) if memoryview(data)[:1].tobytes() == b"{" else {}
    return data if isinstance(data, dict) else {}


_seal: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_seal_bundle: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def display_id_of(content: Mapping[str, Any]) -> str | None:
    """Return the id under which this display can be updated."""
    return (content.get("transient") or {}).get("display_id")


def in_one_piece(output: Mapping[str, Any]) -> Output:
    """Return an output with texts in one piece, as kernels send them and unlike files, which keep them in lines."""
    whole = {key: joined(value) if key == "text" else value for key, value in output.items()}
    if isinstance(data := whole.get("data"), dict):
        whole["data"] = {kind: value if _is_json(kind) else joined(value) for kind, value in data.items()}
    return whole


def joined(value: object) -> object:
    """Return lines as one text, and anything else as it is."""
    return "".join(value) if _is_lines(value) else value


def _is_lines(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _is_json(media_type: str) -> bool:
    """Return whether nbformat takes anything of JSON under this type, and not only text."""
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


class _Piece(msgspec.Struct):
    """An output, or a part of a stream's text: the unit that is kept or left out."""

    output: Output
    size: int
    stream: str | None = None


class OutputArea:
    """The outputs of one cell (or of one Output widget), kept as their messages arrive.

    Parameters
    ----------
    limit_bytes : when there is more, its head and its tail are kept, with a line between that says how much is missing;
        counted in characters of text and bytes of JSON. All late records together have the same limit once more.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._piece = max(1, limit_bytes // 8)
        self._taken: int | None = None  # how many of the outputs taken are still shown; None: nothing was taken
        self._late_bytes = 0
        self._is_cleared = False
        self._updates: dict[int, _Piece] = {}
        self._start()

    def _start(self) -> None:
        self._head: list[_Piece] = []
        self._tail: deque[_Piece] = deque()
        self._head_bytes = self._bytes = self._left_out = 0
        self._stream: str | None = None  # the stream that the next text of its name goes on with
        self._line = Line()
        self._is_written = False  # whether that stream has pieces here; if not, all of it was taken
        self._erase: int | None = None  # the first piece here goes on with a taken stream and replaces that much of it
        self._displays: dict[str, list[_Piece | int]] = {}
        self._clear_next = False

    @property
    def is_taken(self) -> bool:
        """Whether what is added from now on is late."""
        return self._taken is not None

    @property
    def _is_full(self) -> bool:
        return self._late_bytes > self._limit

    def add(self, kind: str, content: Mapping[str, Any], size_bytes: int = 0) -> None:
        """Add a message of the kernel.

        Parameters
        ----------
        kind : the message's type: one that adds an output, or ``clear_output``.
        content : the message's content, JSON.
        size_bytes : its size as JSON.
        """
        if self._is_full:
            return
        if kind == "clear_output":
            if content.get("wait"):
                self._clear_next = True
            else:
                self._clear()
            return
        if self._clear_next:
            self._clear()
        if kind == "stream":
            self._write(content["name"], content["text"])
        else:
            self._show(kind, content, size_bytes)

    def update(self, display_id: str, content: Mapping[str, Any], size_bytes: int = 0) -> bool:
        """Give the outputs that were displayed under this id new data; return whether there are any."""
        places = self._displays.get(display_id, [])
        if not places or self._is_full:
            return False
        news = _Piece(_output_of("update_display_data", content), size_bytes + _OVERHEAD)
        for place in places:
            if isinstance(place, int):
                self._bytes -= self._updates[place].size if place in self._updates else 0
                self._updates[place] = news
            else:
                place.output |= {key: news.output[key] for key in ("data", "metadata")}
                self._bytes -= place.size
                place.size = news.size
            self._bytes += news.size
        self._evict()
        return True

    def reset(self, outputs: Iterable[Output]) -> None:
        """Begin again with these outputs."""
        self._clear()
        for output in outputs:
            self.add(output["output_type"], output)

    def snapshot(self) -> list[Output]:
        """Return the outputs, or if they were taken, those that came later."""
        return self._joined()[0]

    def take(self) -> list[Output]:
        """Return the outputs and forget them; another time, return the late records since the time before."""
        outputs, positions = self._joined()
        before = self._taken or 0
        if self._erase is not None and outputs:
            outputs[0]["erase"] = self._erase
            before -= 1
        records: list[Output] = [{"output_type": "clear_output", "wait": False}] if self._is_cleared else []
        records += [news.output | {"targets": [target]} for target, news in sorted(self._updates.items())]
        records += outputs
        if self.is_taken and not self._is_full:
            self._late_bytes += self._bytes
            if self._is_full:
                records.append(_notice("What else this cell put out after it had ended is not kept."))
        self._forget(before + len(outputs), {piece: before + index for piece, index in positions.items()})
        return records

    def _forget(self, count: int, positions: Mapping[int, int]) -> None:
        displays: dict[str, list[_Piece | int]] = {}
        for display_id, places in self._displays.items():
            kept = [place if isinstance(place, int) else positions.get(id(place)) for place in places]
            displays[display_id] = [place for place in kept if place is not None]
        stream, line, clear_next = self._stream, self._line, self._clear_next
        self._start()
        self._stream, self._line, self._clear_next, self._displays = stream, line, clear_next, displays
        self._erase = len(line.text) if stream else None
        self._taken, self._is_cleared, self._updates = count, False, {}

    def _clear(self) -> None:
        self._is_cleared = self.is_taken
        self._taken = 0 if self.is_taken else None
        self._updates = {}
        self._start()

    def _joined(self) -> tuple[list[Output], dict[int, int]]:
        """Return the outputs, and at which position among them each piece (by its ``id``) is."""
        outputs: list[Output] = []
        positions: dict[int, int] = {}
        for _, group in groupby(self._pieces(), lambda piece: piece.stream or id(piece)):
            pieces = [*group]
            positions |= {id(piece): len(outputs) for piece in pieces}
            output = pieces[0].output.copy()
            if len(pieces) > 1:
                output["text"] = "".join(piece.output["text"] for piece in pieces)
            outputs.append(output)
        return outputs, positions

    def _pieces(self) -> Iterator[_Piece]:
        yield from self._head
        if self._left_out:
            yield _Piece(left_out(self._left_out), 0)
        yield from self._tail
        if self._stream and self._is_written:
            yield _Piece(_stream(self._stream, self._line.text), 0, self._stream)

    def _show(self, kind: str, content: Mapping[str, Any], size_bytes: int) -> None:
        self._end_stream()
        piece = _Piece(_output_of(kind, content), size_bytes + _OVERHEAD)
        if display_id := display_id_of(content):
            self._displays.setdefault(display_id, []).append(piece)
        self._append(piece)

    def _write(self, name: str, text: str) -> None:
        if name != self._stream:
            self._end_stream()
            self._stream, self._line = name, Line()
        if not self._is_written:
            self._append(_Piece(_stream(name, ""), _OVERHEAD, name))
            self._is_written = True
        self._write_finished(name, self._line.write(text))

    def _end_stream(self) -> None:
        if self._stream and self._is_written:
            self._write_finished(self._stream, self._line.text)
        elif self._stream:
            self._erase = None
        self._stream, self._is_written = None, False

    def _write_finished(self, name: str, text: str) -> None:
        for start in range(0, len(text), self._piece):
            part = text[start : start + self._piece]
            self._append(_Piece(_stream(name, part), len(part), name))

    def _append(self, piece: _Piece) -> None:
        self._bytes += piece.size
        is_head_full = self._head and self._head_bytes + piece.size > self._limit // 2
        if self._tail or self._left_out or is_head_full:
            _push(self._tail, piece, min(self._piece, _SMALL))
        else:
            self._head_bytes += piece.size
            _push(self._head, piece, min(self._piece, _SMALL))
        self._evict()

    def _evict(self) -> None:
        while self._bytes > self._limit and (self._tail or self._head):
            piece = self._tail.popleft() if self._tail else self._head.pop()
            self._bytes -= piece.size
            self._left_out += piece.size


def _push(pieces: list[_Piece] | deque[_Piece], piece: _Piece, largest: int) -> None:
    """Append a piece, or where it is a bit of text, let the last piece of the same stream grow."""
    last = pieces[-1] if pieces else None
    if last and piece.stream and piece.stream == last.stream and last.size + piece.size <= largest:
        last.output["text"] += piece.output["text"]
        last.size += piece.size
    else:
        pieces.append(piece)


def _stream(name: str, text: str) -> Output:
    return {"output_type": "stream", "name": name, "text": text}


def _notice(text: str) -> Output:
    return _stream("stderr", f"[{text}]\n")


def _output_of(kind: str, content: Mapping[str, Any]) -> Output:
    """Return a message that is no stream as a valid output: without what is transient."""
    output: Output = {"output_type": kind}
    if kind == "error":
        keys = ("ename", "evalue", "traceback")
        return output | {key: content[key] for key in keys}
    if kind == "execute_result":
        output["execution_count"] = content.get("execution_count")
    data = {mime: _valid(mime, value) for mime, value in content["data"].items()}
    return output | {"data": data, "metadata": content.get("metadata") or {}}


def _valid(mime: str, value: Any) -> Any:
    """Return a value as its MIME type allows it: anything of JSON under a JSON type, else text or lines of text."""
    return value if isinstance(value, str) or _is_lines(value) or _is_json(mime) else str(value)
