"""The permitted rate, used for five minutes: a campaign at 100 a second by the whole path, against a gateway that refuses more.

The gateway counts as strictly as one can: no second, wherever it begins, may have more than 100 requests. Answers come after
50 ms. The share counts from the first claim to the last answer.
"""

import time

from app.duties.campaigns import Order, create_campaign
from app.model.messages import TextPart
from app.telemetry import configure_logging
from bench.path import assembled, work_off
from bench.send import running_gateway
from bench.spent import Row, make_row

TPS = 100


def run(*, seconds: float = 300.0) -> list[Row]:
    """Measure everything; one row a figure."""
    configure_logging("error")
    count = int(TPS * seconds)
    with running_gateway(0.05, per_second=TPS) as url, assembled(url, tps=TPS, connections=64) as post:
        numbers = [f"1251{5_550_000 + number}" for number in range(count)]
        campaign = create_campaign(
            post, Order(parts=(TextPart("Hello! " * 120),), recipients=numbers), created_by="bench"
        )
        cpu, wall = time.process_time(), time.perf_counter()
        work_off(post, campaign.id)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        with post.database.read() as connection:
            states = connection.exec_driver_sql("SELECT state, count(*) FROM messages GROUP BY state").all()
            too_fast = connection.exec_driver_sql("SELECT count(*) FROM attempts WHERE code = 15406").scalar_one()
    assert [tuple(row) for row in states] == [("accepted", count)]
    share, refused = count / wall / TPS, too_fast / count
    what = f"share of {TPS}/s used in {seconds:.0f} s"
    return [
        make_row(what, share, "", "0.98 or more", met=share >= 0.98),
        make_row("answers 15406 among them", refused * 100, "%", "below 0.1", met=refused < 0.001),
        make_row("whole path, a message", cpu / count * 1e6, "us CPU"),
    ]
