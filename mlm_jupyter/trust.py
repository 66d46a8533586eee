"""Who vouches for a checkpoint: only what a key of this user signed is unpickled, because unpickling runs code.

A signature is an HMAC-SHA256 over the manifest's digest, which names everything else of a checkpoint. Who can verify an HMAC
can forge it, so a key is not for giving away; what another key signed becomes one's own by ``mlm trust``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest, digest_of
from mlm_jupyter.core.entities import Signature
from mlm_jupyter.errors import UntrustedError

SECRET_BYTES: Final = 32
_WAIT_S: Final = 1.0  # for another process to finish a key file on a disk without hard links


class Key(msgspec.Struct, frozen=True):
    """A secret to sign with, and the id it is known by."""

    id: str
    """The first 16 hexadecimal digits of the secret's digest. Not secret."""
    secret: bytes
    is_ephemeral: bool = False
    """It is nowhere on disk: what it signs can be restored by this process only."""
    note: str | None = None
    """What the user should know of the key's file, in a sentence or two: why there is none, what was put right."""

    def __repr__(self) -> str:
        return f"Key({self.id})"


def key_of(secret: bytes, *, is_ephemeral: bool = False, note: str | None = None) -> Key:
    """Return the key with this secret."""
    return Key(digest_of(b"mlm_jupyter key id:" + secret)[:16], secret, is_ephemeral, note)


def sign(digest: Digest, key: Key) -> Signature:
    """Vouch for the manifest that has this digest."""
    return Signature(digest, "hmac-sha256", key.id, _mac(digest, key))


def verify(digest: Digest, signatures: Iterable[Signature], keys: Iterable[Key]) -> Key | None:
    """Return the one of ``keys`` that signed the manifest with this digest, or None."""
    known = list(keys)
    for signature in signatures:
        if signature.manifest != digest or signature.scheme != "hmac-sha256":
            continue
        for key in known:
            value = signature.value.encode("utf-8", "replace")
            if key.id == signature.key_id and hmac.compare_digest(_mac(digest, key).encode(), value):
                return key
    return None


def _mac(digest: Digest, key: Key) -> str:
    return hmac.new(key.secret, digest.encode("ascii"), hashlib.sha256).hexdigest()


def refusal(what: str, ref: str, signatures: Sequence[Signature], keys: Sequence[Key]) -> UntrustedError:
    """Return the error for something that ``verify`` did not accept.

    Parameters
    ----------
    what : the thing as a sentence begins with it, ``Checkpoint 3 of train.ipynb``.
    ref : how to name it on the command line.
    """
    yours = {key.id for key in keys}
    way_out = f"If you know where it comes from, make it yours with: mlm trust {ref}"
    if not signatures:
        return UntrustedError(f"{what} is not signed, so its values are not loaded. {way_out}")
    signers = sorted({signature.key_id for signature in signatures})
    if yours.intersection(signers):
        return UntrustedError(f"{what} does not fit its signature by your key: it was changed after it was made. {way_out}")
    who = f"key {signers[0]}" if len(signers) == 1 else f"keys {', '.join(signers)}"
    mine = f"yours is {', '.join(sorted(yours))}" if yours else "you have none"
    return UntrustedError(f"{what} was signed by {who}; {mine}, so its values are not loaded. {way_out}")


# Where the key is


def key_path(environ: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """Return where this user's key is, or will be."""
    if named := environ.get("MLM_KEY_FILE"):
        return Path(named).expanduser()
    home = Path(environ.get("HOME") or Path.home())
    if platform == "darwin":
        folder = home / "Library" / "Application Support"
    elif platform == "win32":
        folder = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        folder = Path(environ.get("XDG_DATA_HOME") or "")
        if not folder.is_absolute():  # the specification says to ignore it then
            folder = home / ".local" / "share"
    return folder / "mlm_jupyter" / "key"


def load_or_create_key(environ: Mapping[str, str]) -> Key:
    """Return this user's key, made now if there is none; two processes at once get the same.

    Never fails: without a usable file the key is ephemeral and its note says why. A file of one's own that others can read is
    closed to them and used, with a note, for refusing it as ssh does would keep people from their own work. One that others
    can write, or that is another user's, is not used: they may have put a secret there that they know.
    """
    where = "$MLM_KEY_FILE"
    try:
        path = key_path(environ)
        where = str(path)
        try:
            return _load(path)
        except FileNotFoundError:
            _create(path)
            return _load(path)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return key_of(
        secrets.token_bytes(SECRET_BYTES),
        is_ephemeral=True,
        note=f"The key file {where} cannot be used: {reason}. Only this kernel can restore what it saves, as long as it "
        "lives. Set MLM_KEY_FILE to a file that can be written, or trust the checkpoints later with: mlm trust",
    )


def _load(path: Path) -> Key:
    note = None
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        if os.name == "posix":
            note = _check(path, about)
        text = file.read(4096)
        deadline = time.monotonic() + _WAIT_S
        while not text and time.monotonic() < deadline:
            time.sleep(0.01)
            file.seek(0)
            text = file.read(4096)
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise ValueError(f"its content is not a key of {2 * SECRET_BYTES} hexadecimal digits")
    return key_of(secret, note=note)


def _check(path: Path, about: os.stat_result) -> str | None:
    is_mine = about.st_uid == os.getuid()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is not a file")
    if not is_mine and about.st_uid != 0:
        raise ValueError("it belongs to another user")
    if about.st_mode & 0o022:
        raise ValueError(
            "others can write to it; make a new one: remove it, or close it with chmod 600 if you know it is yours"
        )
    if not about.st_mode & 0o077:
        return None
    if not is_mine:  # a secret mounted by the administrator
        return f"The key file {path} can be read by other users, who could sign checkpoints in your name."
    path.chmod(0o600)
    return f"The key file {path} could be read by other users; now it cannot. If one may have, remove it to get a new one."


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    text = secrets.token_hex(SECRET_BYTES).encode() + b"\n"
    try:
        _write(draft, text)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:  # no hard links here: whoever comes second waits for the content
            try:
                _write(path, text)
            except FileExistsError:
                return
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, text: bytes) -> None:
    """Make a new file that only its owner can read, and wait until it is on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
