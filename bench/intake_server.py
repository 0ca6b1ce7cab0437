"""Three ways to take in an upload, for the benchmark, under gunicorn as Postcard is: `gunicorn bench.intake_server:app`."""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import IO

from flask import Flask, request

from app.edge.body import open_body
from app.upload.receive import receive_multipart

app = Flask(__name__)
_FOLDER = Path(os.environ.get("BENCH_FOLDER", tempfile.gettempdir()))
_MOST_BYTES = 1 << 30
_SILENT_SECONDS = 30.0


def _hash(stream: IO[bytes], chunk_bytes: int) -> str:
    counted = hashlib.sha256()
    while chunk := stream.read(chunk_bytes):
        counted.update(chunk)
    return counted.hexdigest()


@app.post("/ours")
def ours() -> str:
    """Parse, count, hash and spool, as `POST /campaign-assets` does, with its limit for a silent client."""
    request.environ["gunicorn.socket"].settimeout(_SILENT_SECONDS)
    received = receive_multipart(
        open_body(request.environ["wsgi.input"]),
        content_type=request.headers["Content-Type"],
        content_length=request.content_length,
        spool_dir=_FOLDER,
        max_bytes=_MOST_BYTES,
    )
    received.spooled.path.unlink()
    return received.spooled.sha256


@app.post("/flask")
def flask() -> str:
    """Have Flask parse the form into its own temporary file; read that once more for the hash."""
    return _hash(request.files["file"].stream, 64 * 1024)


@app.post("/bare/<int:chunk_bytes>")
def bare(chunk_bytes: int) -> str:
    """Hash the body as it comes, boundaries and all: it parses nothing and keeps nothing."""
    return _hash(request.stream, chunk_bytes)


@app.get("/cpu")
def cpu() -> str:
    """Tell the CPU seconds that this process used, those of ended threads included."""
    return str(time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID))
