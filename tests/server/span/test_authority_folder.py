"""An authority in a folder: made once, kept private, and never half there."""

from __future__ import annotations

import os
import shutil
import stat
import threading

import pytest

from simulator.errors import LocalError
from simulator.server.span.authority import Authority

NOW_NS = 1_767_225_600 * 10**9
FILES = ["intermediate-key.pem", "intermediate.pem", "root-key.pem", "root.pem"]
YEAR_NS = 365 * 86_400 * 10**9


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an authority; not to be changed."""
    folder = tmp_path_factory.mktemp("authority") / "made"
    Authority.in_folder(folder, NOW_NS)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it, with the same modes."""
    shutil.copytree(made, tmp_path / "authority")
    return tmp_path / "authority"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def refused(folder, now_ns=NOW_NS):
    with pytest.raises(LocalError) as caught:
        Authority.in_folder(folder, now_ns)
    line = str(caught.value)
    assert "\n" not in line
    assert "PRIVATE" not in line
    return line


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_look(tmp_path, umask):
    old = os.umask(umask)
    try:
        Authority.in_folder(tmp_path / "new" / "authority", NOW_NS)
    finally:
        os.umask(old)
    assert mode(tmp_path / "new" / "authority") == 0o700
    assert {each.name: mode(each) for each in (tmp_path / "new" / "authority").iterdir()} == dict.fromkeys(FILES, 0o600)


def test_a_key_is_private_before_it_is_there(tmp_path, monkeypatch):
    """At no moment does a file exist that others may read."""
    modes = []
    real = os.open

    def watched(path, flags, *rest, **more):
        descriptor = real(path, flags, *rest, **more)
        if flags & os.O_CREAT:
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", watched)
    old = os.umask(0)
    try:
        Authority.in_folder(tmp_path, NOW_NS)
    finally:
        os.umask(old)
    assert modes == [0o600] * 4


def test_a_later_start_finds_the_same(folder):
    contents = {each.name: each.read_bytes() for each in folder.iterdir()}
    first, second = Authority.in_folder(folder, NOW_NS), Authority.in_folder(folder, NOW_NS + YEAR_NS)
    assert first.chain_pem == second.chain_pem == contents["intermediate.pem"] + contents["root.pem"]
    assert first.private() == (contents["root-key.pem"], contents["intermediate-key.pem"])
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == contents


def test_many_at_once_make_one(tmp_path):
    found = []
    together = threading.Barrier(6)

    def start():
        together.wait()
        found.append(Authority.in_folder(tmp_path / "authority", NOW_NS).root_pem)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert sorted(each.name for each in (tmp_path / "authority").iterdir()) == FILES


class Killed(BaseException):
    pass


@pytest.mark.parametrize("call", ["rename", "fsync"])
@pytest.mark.parametrize("at", range(4))
def test_killed_while_it_was_made(tmp_path, monkeypatch, call, at):
    real, calls = getattr(os, call), []

    def failing(*args):
        calls.append(args)
        if len(calls) > at:
            raise Killed
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(Killed):
            Authority.in_folder(tmp_path, NOW_NS)
    Authority.in_folder(tmp_path, NOW_NS)
    Authority.in_folder(tmp_path, NOW_NS)
    assert {each.name for each in tmp_path.iterdir()} == set(FILES)


@pytest.mark.parametrize(
    ("name", "bits", "words"),
    [
        ("root-key.pem", 0o640, ["root-key.pem may be read by others (mode 0640)", "chmod 600"]),
        ("intermediate-key.pem", 0o604, ["intermediate-key.pem may be read by others (mode 0604)", "chmod 600"]),
        (".", 0o770, ["may be changed by others (mode 0770)", "chmod 700"]),
        (".", 0o702, ["may be changed by others (mode 0702)", "chmod 700"]),
    ],
)
def test_what_others_may_read_is_refused(folder, name, bits, words):
    (folder / name).chmod(bits)
    line = refused(folder)
    assert [word for word in words if word not in line] == []
    assert str(folder) in line


@pytest.mark.parametrize("bits", [0o755, 0o500])
def test_what_others_may_see_is_no_secret(folder, bits):
    folder.chmod(bits)
    (folder / "root.pem").chmod(0o644)
    Authority.in_folder(folder, NOW_NS)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\n", b"x" * 100_000, None])
def test_files_that_hold_something_else(folder, name, content):
    if content is None:
        (folder / name).unlink()
        assert f"{name} is missing: put it back" in refused(folder)
        return
    (folder / name).write_bytes(content)
    assert f"certificate authority in {folder}: {name}: " in refused(folder)


def test_several_files_that_are_missing(folder):
    for name in ("root.pem", "root-key.pem", "intermediate-key.pem"):
        (folder / name).unlink()
    words = "root.pem, root-key.pem and intermediate-key.pem are missing: put them back, or empty the folder"
    assert f"{folder}: {words}" in refused(folder)


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    def full(_path, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.mkdir", full)
    line = refused(tmp_path / "new")
    assert line == f"cannot make the folder {tmp_path}/new for the certificate authority: No space left on device"


@pytest.mark.parametrize("name", FILES)
def test_files_of_another_authority(folder, made, tmp_path, name):
    Authority.in_folder(tmp_path / "other", NOW_NS)
    shutil.copy(tmp_path / "other" / name, folder / name)
    assert str(folder) in refused(folder)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_is_no_file(folder, make):
    (folder / "root.pem").unlink()
    make(folder / "root.pem")
    assert "root.pem" in refused(folder)


def test_what_is_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert f"{tmp_path}/file is no folder" in refused(tmp_path / "file")
    assert "file" in refused(tmp_path / "file" / "below")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "dangling" in refused(tmp_path / "dangling")
    assert "folder" in refused(tmp_path / "a\0b")


@pytest.mark.parametrize(
    ("years", "words"), [(-1, "root is not valid yet"), (11, "root has expired")], ids=["too early", "too late"]
)
def test_an_authority_of_another_time(folder, years, words):
    line = refused(folder, NOW_NS + years * YEAR_NS)
    assert words in line
    assert "empty the folder" in line
