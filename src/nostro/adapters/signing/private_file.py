"""How does a file come to be that only its owner reads, and that survives a power cut?"""

from __future__ import annotations

import os
from pathlib import Path


class FileExposed(Exception):
    """Others than its owner can read or write the file, so what it holds is no secret."""


def make_private(path: Path, data: bytes) -> None:
    """Write a new file with mode 0600, and its name, through to the disk.

    It appears whole or not at all. Raises FileExistsError.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, data)
        os.fsync(file)
        os.link(draft, path)
    finally:
        os.close(file)
        os.unlink(draft)
    sync_directory(path.parent)


def read_private(path: Path) -> bytes:
    """Return what a file holds; raises FileExposed when it is not ours alone."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise FileExposed(
                f"{path} has mode {status.st_mode & 0o777:o} and belongs to user {status.st_uid}:"
                f" only user {os.geteuid()} may read it (chmod 600), and when others could, replace"
                " the key"
            )
        return file.read()


def sync_directory(path: Path) -> None:
    """Let names that were made or changed in a directory survive a power cut."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
