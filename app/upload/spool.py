"""Bytes on their way to disk: counted and hashed as they come, gone again if anything goes wrong."""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from app.errors import DiskFull, UploadEmpty, UploadTooLarge
from app.model.media import Spooled
from app.upload.filename import clean_filename

PREFIX = "upload-"
_WORKED_IN = ("fit-", "shown-", "restore-")
"""Folders beside the uploads, each with an original in it, that whoever fits, shows or restores works in."""


class Spool:
    """One file that is being written, mode 0600, named by chance.

    Use it as a context manager: whatever is not :meth:`finish`-ed is removed at the end, also after an exception.
    """

    def __init__(self, spool_dir: Path, *, max_bytes: int) -> None:
        spool_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=spool_dir)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._hash = hashlib.sha256()
        self.max_bytes = max_bytes
        self._finished = False
        self.path = Path(name)
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._finished:
            self.path.unlink(missing_ok=True)

    def write(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes.

        Raises:
            UploadTooLarge: the limit is passed; nothing of ``chunk`` was written.
            DiskFull: the disk, or the quota, is full.
            OSError: the disk is broken.
        """
        self.bytes += len(chunk)
        check_length(self.bytes, self.max_bytes)
        self._hash.update(chunk)
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise DiskFull("There is no room on this machine for the upload.") from error
            raise

    def finish(self, *, filename: str, declared_type: str) -> Spooled:
        """Close the file and hand it over: from now on the caller owns it.

        Raises:
            UploadEmpty: no byte came.
        """
        if not self.bytes:
            raise UploadEmpty("The file has no bytes in it.")
        self._file.close()
        self._finished = True
        return Spooled(
            path=self.path,
            sha256=self._hash.hexdigest(),
            bytes=self.bytes,
            filename=clean_filename(filename),
            declared_type=declared_type[:120],
        )


def check_length(length_bytes: int, max_bytes: int) -> None:
    """Let at most ``max_bytes`` pass.

    Raises:
        UploadTooLarge: it is longer.
    """
    if length_bytes > max_bytes:
        raise UploadTooLarge(f"The file is longer than {max_bytes:,} bytes.", limit_bytes=max_bytes)


def sweep_spool(spool_dir: Path, older_than_seconds: float) -> int:
    """Remove what crashed processes left behind: spool files, and folders that were worked in, not written to for so long.

    Returns:
        how many were removed.
    """
    oldest = time.time() - older_than_seconds
    removed = 0
    for path in (found for prefix in (PREFIX, *_WORKED_IN) for found in spool_dir.glob(prefix + "*")):
        with suppress(FileNotFoundError):  # another process sweeps too
            if path.lstat().st_mtime >= oldest:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
            removed += 1
    return removed
