"""An authority in a folder: four files, made once, and the same for every later start.

Two servers may start at once, and one may be killed while it writes. So all is done under a lock on the folder; the
files are written under other names first, all four of them, and renamed when all are there: a later start finishes
the renaming, or begins again.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simulator.errors import LocalError
from simulator.server.span.authority import Authority

ROOT, ROOT_KEY = "root.pem", "root-key.pem"
INTERMEDIATE, INTERMEDIATE_KEY = "intermediate.pem", "intermediate-key.pem"
FILES = ROOT, ROOT_KEY, INTERMEDIATE, INTERMEDIATE_KEY
KEYS = ROOT_KEY, INTERMEDIATE_KEY
_CALLED = dict(
    zip(FILES, ("root certificate", "root key", "intermediate certificate", "intermediate key"), strict=True)
)
"""What `Authority.from_pem` calls them."""
NEW = ".new"
_BYTES_MOST = 65_536
_FRESH = "empty the folder to have a new authority made there; devices then need new certificates"


def opened(folder: Path, now_ns: int) -> Authority:
    """See `Authority.in_folder`."""
    if "\0" in str(folder):
        raise LocalError(f"{str(folder)!r} cannot be the name of a folder")
    _make(folder)
    try:
        with _locked(folder) as descriptor:
            _private(folder, os.fstat(descriptor).st_mode, 0o022, "be changed", "700")
            _finish(folder)
            if not any(os.path.lexists(folder / name) for name in FILES):
                _write(folder, Authority.create(now_ns))
                os.fsync(descriptor)
            return _load(folder, now_ns)
    except OSError as error:
        raise LocalError(f"certificate authority: {error.filename or folder}: {error.strerror}") from None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise LocalError(f"{folder} is no folder: the certificate authority needs one") from None
    except OSError as error:
        raise LocalError(f"cannot make the folder {folder} for the certificate authority: {error.strerror}") from None


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # and with it the lock


def _finish(folder: Path) -> None:
    """If somebody was killed while renaming, rename the rest: as soon as one file has its name, all were complete."""
    if any(os.path.lexists(folder / name) for name in FILES):
        for name in FILES:
            if not os.path.lexists(folder / name):
                with suppress(FileNotFoundError):
                    os.rename(folder / f"{name}{NEW}", folder / name)


def _write(folder: Path, authority: Authority) -> None:
    root_key, intermediate_key = authority.private()
    contents = authority.root_pem, root_key, authority.intermediate_pem, intermediate_key
    for name, content in zip(FILES, contents, strict=True):
        path = folder / f"{name}{NEW}"
        with suppress(FileNotFoundError):
            os.unlink(path)
        # Nobody else can read a key at any moment, for the mode is there before the content.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    for name in FILES:
        os.rename(folder / f"{name}{NEW}", folder / name)


def _load(folder: Path, now_ns: int) -> Authority:
    missing = [name for name in FILES if not os.path.lexists(folder / name)]
    if missing:
        raise LocalError(f"{folder}: {_missing(missing)}, or {_FRESH}")
    root, root_key, intermediate, intermediate_key = (_content(folder / name) for name in FILES)
    try:
        authority = Authority.from_pem(
            root=root, root_key=root_key, intermediate=intermediate, intermediate_key=intermediate_key
        )
    except LocalError as error:
        name = next((name for name, called in _CALLED.items() if str(error).startswith(called)), "")
        raise LocalError(f"certificate authority in {folder}: {name and f'{name}: '}{error}") from None
    problems = authority.problems(now_ns)
    if problems:
        raise LocalError(f"certificate authority in {folder}: {problems[0]}: check the clock, or {_FRESH}")
    return authority


def _missing(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} is missing: put it back"
    return f"{', '.join(names[:-1])} and {names[-1]} are missing: put them back"


def _content(path: Path) -> bytes:
    # Not to wait for ever at something that is no file.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise LocalError(f"{path} is no file")
        if path.name in KEYS:
            _private(path, mode, 0o077, "be read", "600")
        return os.read(descriptor, _BYTES_MOST)
    finally:
        os.close(descriptor)


def _private(path: Path, mode: int, others: int, may: str, wanted: str) -> None:
    """Refused, not warned of: who has the root's key is every device."""
    if mode & others:
        shown = f"{stat.S_IMODE(mode):04o}"
        raise LocalError(f"{path} may {may} by others (mode {shown}): chmod {wanted} {path}")
