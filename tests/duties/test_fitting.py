"""A long encode can be followed, is ended by a cancel with every program that it started, and can be begun again."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app.confine import DecoderPool
from app.duties.fitting import Watch, cancel_fitting
from app.duties.postcard import Postcard
from app.duties.removal import remove_asset
from app.errors import FittingCancelled, NotFound, WrongState
from app.model.media import WHOLE, Asset, AssetState, Choice, Form
from app.model.ports import Store, Stored
from app.pipeline import fit_asset, make_rendition
from app.records.assets import get_asset
from app.records.database import Database
from app.records.fittings import LEASE, Fitting, begin_fitting, fittings_of, go_on_fitting
from app.records.objects import renditions_of
from tests.media.clips import clip, repeated
from tests.path import upload, wait_until, work_off
from tests.records.rows import MovableClock
from tests.records.test_objects import FIRST, add


@pytest.fixture
def long_clip() -> bytes:
    """Forty seconds of full HD at 60 frames a second."""
    return repeated(40, size="1920x1080", rate=60, crf=42)


def ffmpegs_under(folder: Path) -> list[int]:
    """Find the ffmpeg processes that work on files of a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if b"ffmpeg" in command and os.fsencode(folder) in command and state != "Z":
                found.append(int(entry.name))
    return found


def fittings(post: Postcard, asset: Asset) -> list[Fitting]:
    with post.database.read() as connection:
        return fittings_of(connection, [asset.id], at=post.database.now(connection))


def stands(post: Postcard, asset: Asset) -> Asset:
    with post.database.read() as connection:
        return get_asset(connection, asset.id)


def test_a_long_encode_tells_how_far_it_is_and_a_cancel_ends_it_with_its_ffmpeg(
    either: Postcard, long_clip: bytes
) -> None:
    asset = upload(either, long_clip, "long.mp4")
    with ThreadPoolExecutor(1) as threads:
        worker = threads.submit(work_off, either)
        told: list[float] = []

        def is_under_way() -> bool:
            told.extend(each.progress for each in fittings(either, asset) if each.profile == "universal")
            return bool(told) and told[-1] > 0 and bool(ffmpegs_under(either.spool_dir))

        wait_until(is_under_way)
        assert told == sorted(told)
        assert all(0 <= each <= 1 for each in told)
        failed = cancel_fitting(either, asset.id)
        assert failed.state is AssetState.FAILED
        assert (failed.failure or {})["slug"] == "fitting-cancelled"
        wait_until(lambda: not ffmpegs_under(either.spool_dir))
        worker.result()
    assert stands(either, asset).state is AssetState.FAILED
    assert fittings(either, asset) == []
    assert [path for path in either.spool_dir.iterdir() if path.name.startswith("fit-")] == []
    with pytest.raises(WrongState):
        cancel_fitting(either, asset.id)

    # The same bytes again are fitted again, to the end.
    again = upload(either, long_clip, "again.mp4")
    assert (again.id, again.state, again.failure) == (asset.id, AssetState.FITTING, None)
    work_off(either)
    assert stands(either, asset).state is AssetState.READY
    with either.database.read() as connection:
        made = renditions_of(connection, [asset.id])
    assert sorted(each.profile for each in made) == ["poster", "universal"]


def test_deleting_an_asset_ends_what_is_being_fitted_of_it(post: Postcard, long_clip: bytes) -> None:
    asset = upload(post, long_clip, "long.mp4")
    with ThreadPoolExecutor(1) as threads:
        worker = threads.submit(work_off, post)
        wait_until(lambda: any(each.profile == "universal" for each in fittings(post, asset)))
        remove_asset(post, asset.id)
        wait_until(lambda: not ffmpegs_under(post.spool_dir))
        worker.result()
    with pytest.raises(NotFound):
        stands(post, asset)


def test_what_is_cancelled_while_it_waits_is_never_begun(post: Postcard) -> None:
    asset = upload(post, clip("waits.mp4", 1), "waits.mp4")
    assert cancel_fitting(post, asset.id).state is AssetState.FAILED
    work_off(post)
    assert stands(post, asset).state is AssetState.FAILED
    with post.database.read() as connection:
        assert renditions_of(connection, [asset.id]) == []


def test_a_cancel_that_comes_while_the_poster_is_put_is_kept(post: Postcard) -> None:
    asset = upload(post, clip("poster.mp4", 1), "poster.mp4")

    class Cancelling:
        """The store, where somebody cancels as soon as anything is put."""

        def __getattr__(self, name: str) -> object:
            return getattr(post.store, name)

        def put_media(self, path: Path, *, sha256: str, content_type: str) -> Stored:
            cancel_fitting(post, asset.id)
            return post.store.put_media(path, sha256=sha256, content_type=content_type)

    fit_asset(replace(post, store=cast("Store", Cancelling())), asset.id)
    assert stands(post, asset).state is AssetState.FAILED
    with post.database.read() as connection:
        assert [each.profile for each in renditions_of(connection, [asset.id])] == ["poster"]


def test_a_cancel_that_meets_a_repeated_upload_does_not_undo_it(post: Postcard) -> None:
    """The first job learns of the cancel only after the second upload made the asset *fitting* again."""
    asset = upload(post, clip("meets.mp4", 1), "meets.mp4")
    cancel_fitting(post, asset.id)
    again = upload(post, clip("meets.mp4", 1), "meets.mp4")
    assert again.state is AssetState.FITTING

    def cancelled(watch: Callable[[], None], *_: object, **__: object) -> object:
        raise FittingCancelled("cancelled")

    class Cancelled:
        """Decoders whose every job is cancelled at once."""

        run_watched = staticmethod(cancelled)

    with pytest.raises(FittingCancelled):
        fit_asset(replace(post, decoders=cast("DecoderPool", Cancelled())), asset.id)
    assert stands(post, asset).state is AssetState.FITTING
    work_off(post)
    assert stands(post, asset).state is AssetState.READY


def test_a_chosen_rendition_is_cancelled_and_what_was_there_stays(post: Postcard, long_clip: bytes) -> None:
    asset = upload(post, long_clip, "long.mp4")
    work_off(post)
    with ThreadPoolExecutor(1) as threads:
        chosen = threads.submit(make_rendition, post, asset.id, "max", Choice(Form.MP4, 0.0, 38.0))
        wait_until(lambda: fittings(post, asset))
        assert cancel_fitting(post, asset.id).state is AssetState.READY
        with pytest.raises(FittingCancelled):
            chosen.result()
    assert stands(post, asset).state is AssetState.READY


def test_the_row_of_a_killed_process_counts_no_more_after_a_while(database: Database) -> None:
    clock = MovableClock()
    moved = Database(str(database.url.render_as_string(hide_password=False)), clock=clock)
    with moved.write() as connection:
        asset = add(connection, moved, FIRST)
        row = begin_fitting(connection, asset.id, "universal", WHOLE, progress=0.25, at=clock.now())
        assert [each.progress for each in fittings_of(connection, [asset.id], at=clock.now())] == [0.25]
        assert go_on_fitting(connection, row, progress=0.5, at=clock.now())
        later = clock.now() + LEASE * 1.5
        assert fittings_of(connection, [asset.id], at=later) == []
        begin_fitting(connection, asset.id, "universal", WHOLE, progress=0.0, at=later)
        assert not go_on_fitting(connection, row, progress=0.9, at=later)
    moved.close()


def test_a_fitting_that_ends_at_once_leaves_no_row_and_writes_none(post: Postcard) -> None:
    asset = upload(post, clip("short.mp4", 1), "short.mp4")
    with Watch(post, asset, "universal", WHOLE, post.spool_dir) as watch:
        watch()
        assert fittings(post, asset) == []


def test_what_a_decoder_writes_as_progress_is_never_trusted(post: Postcard, tmp_path: Path) -> None:
    asset = upload(post, clip("short.mp4", 1), "short.mp4")
    for told, read in (("0.5", 0.5), ("7", 1.0), ("-1", 0.0), ("nan", 0.0), ("x" * 10_000, 0.0)):
        (tmp_path / "progress").write_text(told)
        with Watch(post, asset, "universal", WHOLE, tmp_path, tell_seconds=0) as watch:
            watch()
            assert [each.progress for each in fittings(post, asset)] == [read]
    (tmp_path / "progress").unlink()
    os.mkfifo(tmp_path / "progress")  # nobody writes: a reader that opens it would wait for ever
    with Watch(post, asset, "universal", WHOLE, tmp_path, tell_seconds=0) as watch:
        watch()
        assert [each.progress for each in fittings(post, asset)] == [0.0]


def test_a_name_given_later_is_the_name_and_the_first_one_stays_beside_it(post: Postcard) -> None:
    first = upload(post, clip("short.mp4", 1), "IMG_0001.mp4")
    for name in ("summer.mp4", "sale.mp4", "summer.mp4"):
        upload(post, clip("short.mp4", 1), name)
    again = stands(post, first)
    assert (again.filename, again.other_names) == ("summer.mp4", ("sale.mp4", "IMG_0001.mp4"))


def test_the_database_may_be_busy_while_progress_is_told(post: Postcard) -> None:
    asset = upload(post, clip("short.mp4", 1), "short.mp4")
    began = threading.Event()

    def hold() -> None:
        with post.database.write():
            began.set()
            time.sleep(3.0)  # longer than the path of these tests waits for the lock

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(hold)
        began.wait()
        with Watch(post, asset, "universal", WHOLE, post.spool_dir, tell_seconds=0) as watch:
            watch()  # says so in the log, and the fitting goes on
        held.result()
    assert fittings(post, asset) == []
