"""Where a project lives, on real folders; which disks are shared, from what real machines say of theirs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_jupyter.store.location import (
    choose_project,
    find_project,
    is_network_filesystem,
    is_network_type,
    parse_mount_listing,
    parse_mountinfo,
    type_of_mount,
)

LEVELS = st.lists(st.sets(st.sampled_from([".mlm", ".git", "pyproject.toml"])), min_size=1, max_size=5)


@settings(deadline=None)
@given(LEVELS, st.integers(0, 4))
def test_a_project_is_the_nearest_mlm_folder_else_the_nearest_repository_else_the_start(
    levels: list[set[str]], home: int
) -> None:
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root).resolve()]
        for _ in levels[1:]:
            folders.append(folders[-1] / "deeper")
        for folder, markers in zip(folders, levels, strict=True):
            folder.mkdir(exist_ok=True)
            for marker in markers:
                (folder / marker).mkdir()
        home = min(home, len(folders) - 1)
        environ = {"HOME": str(folders[home])}

        upwards = list(zip(folders, levels, strict=True))[home:][::-1]
        made = [folder for folder, markers in upwards if ".mlm" in markers]
        marked = [folder for folder, markers in upwards if markers - {".mlm"} and folder != folders[home]]
        assert find_project(folders[-1], environ=environ) == (made[0] if made else None)
        assert choose_project(folders[-1], environ=environ) == [*made[:1], *marked, folders[-1]][0]


def test_the_variable_names_the_project_whatever_lies_nearer(tmp_path: Path) -> None:
    (tmp_path / "near" / ".mlm").mkdir(parents=True)
    far = tmp_path / "far"
    environ = {"MLM_PROJECT": str(far)}
    assert choose_project(tmp_path / "near", environ=environ) == far
    assert find_project(tmp_path / "near", environ=environ) is None
    (far / ".mlm").mkdir(parents=True)
    assert find_project(tmp_path / "near", environ=environ) == far
    assert find_project(tmp_path / "near", environ={"MLM_PROJECT": str(far / ".mlm")}) == far


def test_a_notebook_stands_for_its_folder(tmp_path: Path) -> None:
    notebook = tmp_path / "a" / "tour.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    assert choose_project(notebook, environ={"HOME": str(tmp_path)}) == notebook.parent
    (tmp_path / "a" / ".mlm").mkdir()
    assert find_project(notebook, environ={"HOME": str(tmp_path)}) == notebook.parent


def test_the_search_does_not_leave_a_mounted_disk(mount: Callable[[str], Path]) -> None:
    disk = mount("size=64k")
    (disk.parent / ".mlm").mkdir()
    (disk / "work").mkdir()
    assert find_project(disk / "work", environ={}) is None
    assert choose_project(disk / "work", environ={}) == disk / "work"
    (disk / ".git").mkdir()
    assert choose_project(disk / "work", environ={}) == disk


MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/ada/local\040disk rw - xfs /dev/sdb1 rw
40 22 0:40 / /data rw master:2 - ext4 /dev/sdc1 rw
41 22 0:41 / /data rw - fuse.sshfs ada@host: rw
""".strip()


@pytest.mark.parametrize(
    ("path", "is_network"),
    [
        ("/srv/x", False),
        ("/home/ada", True),
        ("/home/ada/local disk/project", False),
        ("/homestead", False),
        ("/data/project", True),  # mounted over another one
    ],
)
def test_the_deepest_and_last_mount_above_a_path_decides(path: str, is_network: bool) -> None:
    assert is_network_type(type_of_mount(Path(path), parse_mountinfo(MOUNTINFO))) is is_network


def test_what_macos_lists_is_understood() -> None:
    listing = "/dev/disk3s1 on / (apfs, local, journaled)\n//ada@nas/my data on /Volumes/my data (smbfs, nodev, nosuid)\n"
    mounts = parse_mount_listing(listing)
    assert mounts == [("/", "apfs"), ("/Volumes/my data", "smbfs")]
    assert is_network_type(type_of_mount(Path("/Volumes/my data/x"), mounts))


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.gcsfuse", "lustre", "gpfs", "9p", "afs"])
def test_file_systems_of_several_machines_are_known(kind: str) -> None:
    assert is_network_type(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "fuse.mergerfs", ""])
def test_disks_of_this_machine_are_not_taken_for_shared(kind: str) -> None:
    assert not is_network_type(kind)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_real_local_disk_is_local(mount: Callable[[str], Path]) -> None:
    assert not is_network_filesystem(mount("size=64k") / "not" / "there" / "yet")
