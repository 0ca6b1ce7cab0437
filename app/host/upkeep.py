"""The embedded store's lifecycle, once a day for as long as Postcard runs, however often it is restarted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from app.errors import StoreUnavailable
from app.host.embedded import EmbeddedStore
from app.telemetry import log

DAY_SECONDS = 24 * 3600.0
LOOK_SECONDS = 60.0


@contextmanager
def daily_lifecycle(
    store: EmbeddedStore, *, every_seconds: float = DAY_SECONDS, look_seconds: float = LOOK_SECONDS
) -> Iterator[None]:
    """Have ``store`` apply its lifecycle whenever the last time is a day ago; the store's folder remembers the time.

    Args:
        store: started; outlives the block.
        every_seconds: from one run to the next.
        look_seconds: how often to look whether it is time; a run that failed is tried again then.
    """
    ended = Event()
    stamp = store.folder / "lifecycle.applied"

    def due() -> bool:
        return not stamp.exists() or time.time() - stamp.stat().st_mtime >= every_seconds

    def keep_up() -> None:
        while not ended.wait(look_seconds):
            if not due():
                continue
            try:
                store.apply_lifecycle()
            except StoreUnavailable as error:
                log.warning("the embedded store's lifecycle did not run", reason=error.detail)
            else:
                stamp.touch()

    # A daemon: what it waits for is ended by the kernel with this thread, and by the store's own end.
    Thread(target=keep_up, name="lifecycle", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
