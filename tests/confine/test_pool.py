"""The pool gives an answer or one of our errors, whatever happens inside, and leaves no process behind."""

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.confine import DecoderPool
from app.confine.decoder import leave_the_network
from app.errors import CannotFit, CannotStart, DecoderBusy, FittingCancelled, MediaDamaged, MediaTooBig
from app.model.media import Budget
from tests.confine import jobs


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    made = DecoderPool(2, seconds=30, memory_bytes=300_000_000, file_bytes=1_000_000, preload=["tests.confine.jobs"])
    yield made
    made.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    while alive(pid):
        time.sleep(0.01)


def test_a_call_runs_in_another_process_and_the_next_one_in_the_same(pool: DecoderPool) -> None:
    first, second = pool.run(jobs.where), pool.run(jobs.where)
    assert first.pid != os.getpid()
    assert first.pid == second.pid


def test_a_process_with_thousands_of_descriptors_open_still_finds_its_decoder(pool: DecoderPool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        first, second = pool.run(jobs.where), pool.run(jobs.where)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert first.pid == second.pid


def test_dataclasses_paths_and_tuples_arrive_and_come_back_as_they_were(pool: DecoderPool, tmp_path: Path) -> None:
    budget = Budget(1000, 20, ("image/png",))
    assert pool.run(jobs.fitted, tmp_path, budget, given_up=("a", "b")) == jobs.fitted(
        tmp_path, budget, given_up=("a", "b")
    )


def test_our_own_errors_come_back_with_class_detail_and_facts(pool: DecoderPool) -> None:
    with pytest.raises(CannotFit) as caught:
        pool.run(jobs.refuse, 10)
    assert caught.value.detail == "It is too long."
    assert caught.value.facts == {"limit_bytes": 10, "best_bytes": 11}


def test_the_process_is_replaced_after_an_error(pool: DecoderPool) -> None:
    before = pool.run(jobs.where).pid
    with pytest.raises(CannotFit):
        pool.run(jobs.refuse, 10)
    assert pool.run(jobs.where).pid != before
    assert not alive(before)


def test_the_process_is_replaced_after_its_share_of_jobs() -> None:
    pool = DecoderPool(1, seconds=30, memory_bytes=300_000_000, jobs_each=2)
    try:
        pids = [pool.run(jobs.where).pid for _ in range(4)]
    finally:
        pool.close()
    assert pids[0] == pids[1] != pids[2] == pids[3]


@pytest.mark.parametrize(
    ("call", "error"),
    [(jobs.raise_value_error, MediaDamaged), (jobs.crash, MediaDamaged), (jobs.leave, MediaDamaged)],
)
def test_a_decoder_that_breaks_costs_one_refusal(
    pool: DecoderPool, call: Callable[[], int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        pool.run(call)
    assert pool.run(jobs.where).pid


def test_an_answer_of_the_wrong_type_is_refused(pool: DecoderPool) -> None:
    with pytest.raises(MediaDamaged):
        pool.run(jobs.lie)


def test_memory_beyond_the_limit_is_refused(pool: DecoderPool) -> None:
    with pytest.raises(MediaTooBig) as caught:
        pool.run(jobs.eat_memory, 400_000_000)
    assert caught.value.facts == {"limit_bytes": 300_000_000}
    assert pool.run(jobs.eat_memory, 100_000_000) == 100_000_000


def test_a_job_past_its_wall_clock_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pool = DecoderPool(1, seconds=1, memory_bytes=300_000_000)
    try:
        with pytest.raises(MediaTooBig):
            pool.run(jobs.start_and_sleep, tmp_path / "pid")
        wait_until_gone(int((tmp_path / "pid").read_text()))
        assert pool.run(jobs.where).pid
    finally:
        pool.close()


def test_a_job_past_its_cpu_time_is_killed() -> None:
    pool = DecoderPool(1, seconds=60, cpu_seconds=0.1, memory_bytes=300_000_000)
    try:
        with pytest.raises(MediaTooBig, match="CPU"):
            pool.run(jobs.burn)
    finally:
        pool.close()


def test_a_file_beyond_the_limit_is_not_written(pool: DecoderPool, tmp_path: Path) -> None:
    with pytest.raises(MediaDamaged):
        pool.run(jobs.write, tmp_path / "file", 2_000_000)
    assert pool.run(jobs.write, tmp_path / "file", 1_000_000) == 1_000_000


def test_the_process_has_no_secrets_and_leaves_no_core(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTCARD_OPENMARKET_PASSWORD", "secret")
    assert not [name for name in pool.run(jobs.environment) if name.startswith(("POSTCARD", "AWS", "MALLOC"))]
    assert pool.run(jobs.core_limit) == (0, 0)


def test_many_threads_share_few_processes(pool: DecoderPool) -> None:
    with ThreadPoolExecutor(12) as threads:
        pids = list(threads.map(lambda _: pool.run(jobs.sleep, 0.02), range(40)))
    assert len(pids) == 40
    assert len(set(pids)) <= 2


def test_a_caller_does_not_wait_for_ever() -> None:
    pool = DecoderPool(1, seconds=30, memory_bytes=300_000_000, wait_seconds=0.05)
    started = threading.Thread(target=pool.run, args=(jobs.sleep, 1.0))
    try:
        pool.run(jobs.where)
        started.start()
        time.sleep(0.2)
        with pytest.raises(DecoderBusy):
            pool.run(jobs.where)
        started.join()
    finally:
        pool.close()


def test_closing_ends_every_process_and_callers_are_told() -> None:
    pool = DecoderPool(1, seconds=30, memory_bytes=300_000_000)
    place = pool.run(jobs.where)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(pool.run, jobs.sleep, 20.0)
        time.sleep(0.2)
        pool.close()
        with pytest.raises(DecoderBusy):
            waiting.result()
    wait_until_gone(place.pid)
    assert not alive(place.parent)
    with pytest.raises(DecoderBusy):
        pool.run(jobs.where)


def test_an_idle_decoder_or_a_nursery_that_somebody_killed_is_replaced(pool: DecoderPool) -> None:
    place = pool.run(jobs.where)
    os.kill(place.pid, signal.SIGKILL)
    wait_until_gone(place.pid)
    assert pool.run(jobs.where).pid != place.pid
    os.kill(place.parent, signal.SIGKILL)
    wait_until_gone(place.parent)
    assert pool.run(jobs.where).parent != place.parent


def test_a_pool_used_before_a_fork_works_in_the_child_and_in_the_parent(pool: DecoderPool) -> None:
    place = pool.run(jobs.where)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(pool.run(jobs.where).parent).encode())
        pool.close()
        os._exit(0)
    theirs = int(os.read(reading, 100))
    assert os.waitpid(child, 0)[1] == 0
    os.close(reading)
    os.close(writing)
    assert theirs != place.parent
    assert pool.run(jobs.where) == place


def test_decoders_die_with_the_process_that_uses_them() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        mine = DecoderPool(1, seconds=600, memory_bytes=300_000_000)
        place = mine.run(jobs.where)
        os.write(writing, f"{place.pid} {place.parent}".encode())
        mine.run(jobs.sleep, 600.0)
    pids = [int(pid) for pid in os.read(reading, 100).split()]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    for pid in pids:
        wait_until_gone(pid)


def test_a_module_that_cannot_be_imported_says_so() -> None:
    pool = DecoderPool(1, seconds=30, memory_bytes=300_000_000, preload=["app.no_such_module"])
    with pytest.raises(CannotStart):
        pool.run(jobs.where)
    pool.close()


def test_a_decoder_reaches_no_network_where_the_kernel_lets_us_say_so(pool: DecoderPool) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0 if leave_the_network() else 1)
    allowed = os.waitpid(child, 0)[1] == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert pool.run(jobs.reach, server.getsockname()[1]) is not allowed


def test_a_watch_is_called_while_the_answer_is_waited_for_and_the_answer_comes_all_the_same(pool: DecoderPool) -> None:
    calls: list[float] = []
    assert pool.run_watched(lambda: calls.append(time.monotonic()), jobs.sleep, 1.0) > 0
    assert len(calls) >= 2
    quick: list[float] = []
    pool.run_watched(lambda: quick.append(0.0), jobs.where)
    assert quick == []


def test_what_a_watch_raises_ends_the_job_with_the_programs_that_it_started(pool: DecoderPool, tmp_path: Path) -> None:
    note = tmp_path / "child"

    def stop_once_it_runs() -> None:
        if note.exists() and note.read_text():
            raise FittingCancelled("enough")

    with pytest.raises(FittingCancelled, match="enough"):
        pool.run_watched(stop_once_it_runs, jobs.start_and_sleep, note)
    wait_until_gone(int(note.read_text()))
    assert pool.run(jobs.sleep, 0.0) > 0


def test_a_watched_job_has_no_more_time_than_any_other(tmp_path: Path) -> None:
    made = DecoderPool(1, seconds=1, memory_bytes=300_000_000, preload=["tests.confine.jobs"])
    calls: list[int] = []
    with pytest.raises(MediaTooBig, match="longer than 1 seconds"):
        made.run_watched(lambda: calls.append(1), jobs.sleep, 600.0)
    assert calls
    made.close()
