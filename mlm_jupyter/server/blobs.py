"""Downloads: the bytes of outputs and artifacts, and of nothing else.

A project holds the values of variables beside them, as pickles. A digest is served only where something that may be
seen refers to it: a row of an artifact, or the outputs of a cell.
"""

from __future__ import annotations

import re
from concurrent.futures import Executor
from typing import Final, NamedTuple
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.errors import InvalidInputError, MlmError, NotFoundError
from mlm_jupyter.reader import Reader
from mlm_jupyter.server.endpoint import Handler

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser draws and cannot run; all else is bytes to it."""
_MOST_SEARCHED: Final = 100
"""Checkpoints, so that a download takes as long at any length of history."""


class Download(NamedTuple):
    """What is sent, and as what."""

    name: str
    media_type: str
    chunks: list[Digest]
    size_bytes: int


class BlobHandler(Handler):
    """``blobs/{digest}``."""

    @web.authenticated
    @authorized
    async def get(self, project: str, digest: str) -> None:
        """Send the bytes, a chunk at a time."""
        quick: Executor = self.services.quick
        projects = self.services.projects
        checkpoint = self.get_query_argument("checkpoint", None)

        def find() -> Download:
            with projects.reading(project) as reader:
                return find_download(reader, digest, checkpoint=checkpoint)

        def read(chunk: Digest) -> bytes:
            with projects.reading(project) as reader:
                return reader.chunk(chunk)

        try:
            download = await self.in_thread(quick, find)
        except MlmError as error:
            self.fail(error)
            return
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.set_header("Etag", f'"{digest}"')
        if self.check_etag_header():
            self.set_status(304)
            await self.finish()
            return
        self._describe(download)
        for chunk in download.chunks:
            self.write(await self.in_thread(quick, lambda chunk=chunk: read(chunk)))  # type: ignore[misc]
            try:
                await self.flush()
            except StreamClosedError:  # who asked has gone
                return
        await self.finish(set_content_type=download.media_type)

    def _describe(self, download: Download) -> None:
        self.set_header("Content-Type", download.media_type)
        self.set_header("Content-Length", download.size_bytes)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(download.name, safe='')}")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> str | None:
        """Return the digest; the bytes are not hashed again."""
        return str(self._headers["Etag"]) if "Etag" in self._headers else None


def find_download(reader: Reader, digest: str, *, checkpoint: str | None = None) -> Download:
    """Return the download that ``digest`` stands for.

    Parameters
    ----------
    checkpoint : where it is shown, if that is known; else the newest checkpoints are looked through.

    Raises
    ------
    NotFoundError : no output there and no artifact has these bytes, whatever else may.
    """
    if not _DIGEST.fullmatch(digest):
        raise InvalidInputError(f"{digest[:80]!r} is not a digest, which is 64 hexadecimal digits in small letters")
    artifact = reader.find_artifact(digest)
    if artifact is not None:
        kind = artifact.media_type if artifact.media_type in _PICTURES else "application/octet-stream"
        return Download(artifact.name.rpartition("/")[2], kind, *reader.blob_chunks(digest))
    refs = reader.checkpoints().take(_MOST_SEARCHED) if checkpoint is None else [reader.get_checkpoint(checkpoint)]
    if reader.shows(refs, digest):
        return Download(f"{digest[:12]}.json", "application/octet-stream", *reader.blob_chunks(digest))
    where = f"the newest {_MOST_SEARCHED} checkpoints" if checkpoint is None else f"checkpoint {refs[0].id}"
    raise NotFoundError(
        f"Neither an artifact nor an output of {where} is {digest[:12]}; say which checkpoint shows it: ?checkpoint=ID"
    )
