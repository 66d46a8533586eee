"""Only what a key of this user signed is accepted, and the key is where it should be, whole, and closed to others."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.core.digest import digest_of
from mlm_jupyter.core.entities import Signature
from mlm_jupyter.errors import UntrustedError
from mlm_jupyter.trust import Key, key_of, key_path, load_or_create_key, refusal, sign, verify

digests = st.binary().map(digest_of)
keys = st.binary(min_size=32, max_size=32).map(key_of)
needs_posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


@given(digests, st.lists(keys, min_size=1), st.data())
def test_what_a_known_key_signed_is_accepted_and_says_which(digest: str, known: list[Key], data: st.DataObject) -> None:
    signer = data.draw(st.sampled_from(known))
    noise = data.draw(st.lists(st.builds(sign, digests, keys.filter(lambda key: key not in known))))
    assert verify(digest, [*noise, sign(digest, signer)], known) == signer


@given(digests, digests, keys, keys, st.integers(0, 63))
def test_nothing_else_is_accepted(digest: str, other: str, key: Key, stranger: Key, position: int) -> None:
    good = sign(digest, key)
    flipped = "".join("0" if i == position and c != "0" else "1" if i == position else c for i, c in enumerate(good.value))
    forged = [
        msgspec.structs.replace(good, value=flipped),
        msgspec.structs.replace(good, value=good.value + "é"),
        msgspec.structs.replace(good, value=""),
        msgspec.structs.replace(good, value="\ud800"),
    ]
    assert verify(digest, forged, [key]) is None
    if key != stranger:
        assert verify(digest, [sign(digest, stranger)], [key]) is None
        assert verify(digest, [msgspec.structs.replace(sign(digest, stranger), key_id=key.id)], [key]) is None
        assert verify(digest, [msgspec.structs.replace(good, key_id=stranger.id)], [key, stranger]) is None
    if digest != other:
        assert verify(digest, [sign(other, key)], [key]) is None
        assert verify(digest, [msgspec.structs.replace(sign(other, key), manifest=digest)], [key]) is None
    assert verify(digest, [], [key]) is None
    assert verify(digest, [good], []) is None


def test_the_signature_is_the_standard_hmac_that_others_can_compute() -> None:
    # RFC 4231's construction over the 64 characters, checked with another implementation
    digest, key = digest_of(b"x"), key_of(b"k" * 32)
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "k" * 32], input=digest.encode(), capture_output=True, check=True
    )
    assert sign(digest, key) == Signature(digest, "hmac-sha256", key.id, made.stdout.split()[-1].decode())


@given(keys)
def test_a_key_never_shows_its_secret(key: Key) -> None:
    assert key.secret.hex() not in key.id + repr(key) + str(key)
    assert repr(key.secret) not in repr(key)


# The key file --------------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_closed_to_others_and_found_again(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    key = load_or_create_key(environ)
    assert load_or_create_key(environ) == key
    assert (key.is_ephemeral, key.note, len(key.secret), len(key.id)) == (False, None, 32, 16)
    path = key_path(environ)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_or_create_key({"HOME": str(tmp_path / "other")}) != key


@pytest.mark.parametrize(
    ("platform", "environ", "path"),
    [
        ("linux", {}, "/home/ann/.local/share/mlm_jupyter/key"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/mlm_jupyter/key"),
        ("linux", {"XDG_DATA_HOME": "data"}, "/home/ann/.local/share/mlm_jupyter/key"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/ann/Library/Application Support/mlm_jupyter/key"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/mlm_jupyter/key"),
        ("linux", {"MLM_KEY_FILE": "/run/secrets/mlm"}, "/run/secrets/mlm"),
    ],
)
def test_the_key_lies_where_the_platform_keeps_such_things(platform: str, environ: dict[str, str], path: str) -> None:
    assert key_path({"HOME": "/home/ann"} | environ, platform=platform) == Path(path)


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_threads_that_come_at_once_get_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_hard_links: bool
) -> None:
    if not has_hard_links:

        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")  # what FAT and some network disks say

        monkeypatch.setattr(os, "link", refuse)
    for attempt in range(20):
        environ = {"MLM_KEY_FILE": str(tmp_path / str(attempt) / "key")}
        start, found = threading.Barrier(4), []

        def load(environ: dict[str, str] = environ, start: threading.Barrier = start, found: list[Key] = found) -> None:
            start.wait()
            found.append(load_or_create_key(environ))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1
        assert not found[0].is_ephemeral
        assert [file.name for file in (tmp_path / str(attempt)).iterdir()] == ["key"]


def test_processes_that_come_at_once_get_the_same_key(tmp_path: Path) -> None:
    program = "import os, sys; from mlm_jupyter.trust import *; sys.stdin.read(1); print(load_or_create_key(os.environ))"
    environ = os.environ | {"MLM_KEY_FILE": str(tmp_path / "new" / "key")}
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        for _ in range(4)
    ]
    shown = {process.communicate(b"x")[0] for process in processes}
    assert shown == {f"{load_or_create_key(environ)}\n".encode()}


@needs_posix
def test_a_file_of_ones_own_that_others_can_read_is_closed_and_said(tmp_path: Path) -> None:
    environ = {"MLM_KEY_FILE": str(tmp_path / "key")}
    key = load_or_create_key(environ)
    (tmp_path / "key").chmod(0o644)
    again = load_or_create_key(environ)
    assert again.secret == key.secret
    assert "could be read by other users" in (again.note or "")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(environ).note is None


def spoil_by_content(path: Path) -> None:
    path.write_text("not a key")


def spoil_by_writers(path: Path) -> None:
    path.chmod(0o620)


def spoil_by_owner(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)


def spoil_by_being_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def spoil_by_parent(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file where a folder should be")


@needs_posix
@pytest.mark.parametrize(
    "spoil", [spoil_by_content, spoil_by_writers, spoil_by_owner, spoil_by_being_a_folder, spoil_by_parent]
)
def test_a_file_that_cannot_be_used_is_left_alone_and_the_session_has_a_key_of_its_own(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "folder" / "key"
    environ = {"MLM_KEY_FILE": str(path)}
    key = load_or_create_key(environ)
    spoil(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else None
    first, second = load_or_create_key(environ), load_or_create_key(environ)
    assert first.is_ephemeral
    assert len({key.secret, first.secret, second.secret}) == 3
    assert str(path) in (first.note or "")
    assert "\n" not in (first.note or "")
    assert before == (path.read_bytes() if path.is_file() else None)


# The refusal ---------------------------------------------------------------------------------------------------------


def test_a_refusal_says_whose_it_is_and_how_to_trust_it() -> None:
    digest, mine, theirs = digest_of(b"x"), key_of(b"m" * 32), key_of(b"t" * 32)
    error = refusal("Checkpoint 3 of train.ipynb", "abc", [sign(digest, theirs)], [mine])
    assert isinstance(error, UntrustedError)
    assert theirs.id in str(error)
    assert mine.id in str(error)
    for signatures in ([], [sign(digest, theirs)], [sign(digest, mine)], [sign(digest, theirs), sign(digest, mine)]):
        for known in ([], [mine]):
            text = str(refusal("Checkpoint 3", "abc", signatures, known))
            assert text.startswith("Checkpoint 3 ")
            assert text.endswith("mlm trust abc")
            assert "\n" not in text
    assert "not signed" in str(refusal("It", "abc", [], [mine]))
    assert "changed after it was made" in str(refusal("It", "abc", [sign(digest, mine)], [mine]))
