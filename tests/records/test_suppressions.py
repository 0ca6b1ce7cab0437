"""Numbers that must not be sent to: many at once, and at the same moment as somebody else."""

import threading

import pytest

from app.records.database import Database
from app.records.suppressions import add_suppressions, list_suppressions, reasons_of

NUMBERS = [f"1251555{number}" for number in range(1000, 4000)]


def add(database: Database, numbers: list[str], reason: str) -> int:
    with database.write() as connection:
        at = database.now(connection)
        return add_suppressions(connection, numbers, reason=reason, note="", created_by="test", at=at)


def reasons(database: Database, numbers: list[str]) -> dict[str, str]:
    with database.read() as connection:
        return reasons_of(connection, numbers)


def test_thousands_are_added_at_once_and_the_same_list_again_adds_none(database: Database) -> None:
    assert add(database, NUMBERS, "person") == len(NUMBERS)
    assert add(database, [*NUMBERS, "12515559999"], "person") == 1
    assert set(reasons(database, NUMBERS).values()) == {"person"}


@pytest.mark.parametrize(
    ("before", "then", "stands"),
    [
        ("keyword", "phrase", "phrase"),
        ("keyword", "person", "person"),
        ("phrase", "keyword", "phrase"),
        ("person", "keyword", "person"),
        ("person", "phrase", "person"),
    ],
)
def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way_round(
    database: Database, before: str, then: str, stands: str
) -> None:
    add(database, NUMBERS[:1], before)
    assert add(database, NUMBERS[:3], then) == 2
    assert reasons(database, NUMBERS[:3]) == {NUMBERS[0]: stands, NUMBERS[1]: then, NUMBERS[2]: then}


@pytest.mark.parametrize("beginning", ["1", "1251", "12515550130", "44", "5", "999999999999999"])
def test_numbers_are_found_by_how_they_begin(database: Database, beginning: str) -> None:
    numbers = ["12515550130", "12515550139", "1251555013", "12525550130", "447700900765", "999999999999999"]
    add(database, numbers, "person")
    with database.read() as connection:
        found = [each.number for each in list_suppressions(connection, beginning=beginning)]
    assert found == sorted(number for number in numbers if number.startswith(beginning))


def test_those_who_suppress_the_same_numbers_at_once_count_each_once(database: Database) -> None:
    added: list[int] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        added.append(add(database, NUMBERS[:200], "person"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 200
    with database.read() as connection:
        assert len(list_suppressions(connection, limit=1000)) == 200
