"""/metrics tells what the rows say, whichever process did the work, and does not weigh on the database."""

import re
import threading
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app.duties.postcard import Postcard
from app.edge.figures import RowFigures
from app.records.database import Database
from app.records.figures import jobs_due, rows_by_state
from tests.edge.conftest import Working
from tests.edge.test_assets import SMALL, send
from tests.edge.test_campaigns import TEXT, draft, finished


def figures(page: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_what_the_worker_did_is_counted_from_the_rows(api: FlaskClient, queue: Working) -> None:
    send(api, SMALL)
    campaign_id = api.post("/campaigns", json=TEXT).get_json()["id"]
    finished(api, campaign_id)
    draft(api)
    queue.held = True
    api.post("/campaigns", json={**TEXT, "name": "nobody prepares it"})
    found = figures(api.get("/metrics").text)
    assert found['postcard_messages{state="accepted"}'] == 1
    assert found['postcard_messages{state="pending"}'] == 2
    assert found['postcard_campaigns{state="finished"}'] == 1
    assert found['postcard_campaigns{state="preparing"}'] == 1
    assert found['postcard_assets{state="ready"}'] == 1
    assert found["postcard_jobs_due"] == 1
    assert found["postcard_jobs_waited_seconds"] >= 0
    assert found["postcard_database_answers"] == 1
    assert found['postcard_hosting_total{operation="put",result="ok"}'] >= 1
    # Counted in the worker alone: at 0 here, they would tell nothing but lies.
    assert not any(name.startswith(("postcard_messages_total", "postcard_fit_seconds")) for name in found)


def test_it_is_counted_once_for_many_askers(web: Postcard) -> None:
    counted: list[str] = []

    def look(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        if "count(" in text and "messages" in text:
            counted.append(text)

    sa.event.listen(web.database.engine, "before_cursor_execute", look)
    collector = RowFigures(web)
    askers = [threading.Thread(target=lambda: list(collector.collect())) for _ in range(8)]
    for each in askers:
        each.start()
    for each in askers:
        each.join()
    assert len(counted) == 1


def test_a_database_that_is_away_is_a_figure_and_not_an_error(web: Postcard) -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:9/none", busy_seconds=1)
    (family,) = RowFigures(replace(web, database=away)).collect()
    assert (family.name, family.samples[0].value) == ("postcard_database_answers", 0)
    away.close()


def test_both_databases_count_alike(database: Database) -> None:
    with database.read() as connection:
        assert rows_by_state(connection) == {"messages": {}, "campaigns": {}, "callbacks": {}, "assets": {}}
        assert jobs_due(connection, at=database.now(connection)) == (0, 0.0)


def test_the_figures_are_read_by_prometheus_own_parser_and_named_as_it_asks(api: FlaskClient) -> None:
    send(api, SMALL)
    api.post("/campaigns", json=TEXT)
    page = api.get("/metrics")
    assert page.headers["Content-Type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(page.text))
    assert {each.name for each in families} >= {"postcard_messages", "postcard_jobs_waited_seconds", "postcard_hosting"}
    assert len({each.name for each in families}) == len(families)
    seen = set()
    for family in families:
        assert family.documentation.endswith(".") or not family.name.startswith("postcard_"), family.name
        assert family.type in {"gauge", "counter"}, family.name
        assert re.fullmatch(r"(postcard|process|python)(_[a-z]+)+", family.name)
        # https://prometheus.io/docs/practices/naming/: base units, as a suffix; _total of what only rises, of nothing else.
        assert not re.search(r"_(milliseconds|minutes|hours|days|kilobytes|megabytes|percent|count)\b", family.name)
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
            assert (sample.name, *sorted(sample.labels.items())) not in seen
            seen.add((sample.name, *sorted(sample.labels.items())))
            assert sample.value >= 0
    told = re.findall(r"^# (?:HELP|TYPE) (\S+)", page.text, re.MULTILINE)
    assert all(told.count(name) == 2 for name in set(told))


def test_the_runbook_explains_every_figure(api: FlaskClient) -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
    named = set(re.findall(r"^# TYPE (postcard_\w+)", api.get("/metrics").text, re.MULTILINE))
    assert named
    assert {name for name in named if f"`{name}" not in runbook} == set()
