"""POSTs of OpenMarket, worked on: reports move their messages, inbound messages are kept and heeded.

One that breaks on the way is marked and changes nothing; the others of its batch, a STOP among them, are not held up by it.
"""

from collections.abc import Callable, Sequence
from functools import partial

from app.duties.handsets import learn_from_reports
from app.duties.inbound import settle_inbound
from app.duties.postcard import Change, Postcard
from app.errors import DatabaseBusy
from app.model.messages import Inbound, Report
from app.records.callbacks import Callback, Made, settle_callbacks
from app.records.database import savepoint
from app.records.reports import settle_reports
from app.report.callback import Unreadable
from app.telemetry import log


def settle_batch(
    post: Postcard, change: Change, batch: Sequence[tuple[Callback, Report | Inbound | Unreadable]]
) -> None:
    """Do what some POSTs ask for, each whole or not at all; reports in one go, since they come by the hundred.

    Raises:
        DatabaseBusy: nothing of the batch was changed.
    """
    told = [(callback, read) for callback, read in batch if isinstance(read, Report)]
    if told and _broke(change, partial(_settle_reports, post, change, told)):
        # One of them is to blame: each for itself, then.
        for callback, report in told:
            _settle_alone(change, callback, partial(_settle_reports, post, change, [(callback, report)]))
    for callback, read in batch:
        if isinstance(read, Inbound):
            _settle_alone(change, callback, partial(_settle_inbound, post, change, callback, read))
        elif isinstance(read, Unreadable):
            settle_callbacks(change.connection, [Made(callback.id, "unreadable", problem=read.reason)])


def _settle_alone(change: Change, callback: Callback, work: Callable[[], None]) -> None:
    if error := _broke(change, work):
        log.error("a callback broke", callback=callback.id, exc_info=error, alarm=True)
        problem = f"{type(error).__name__} while working on it"
        settle_callbacks(change.connection, [Made(callback.id, "unreadable", problem=problem)])


def _broke(change: Change, work: Callable[[], None]) -> Exception | None:
    """Do something whole or not at all; gives what broke it.

    Raises:
        DatabaseBusy: that is nobody's fault.
    """
    try:
        with savepoint(change.connection):
            work()
    except DatabaseBusy:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever one POST breaks, the next one may be a STOP
        return error
    return None


def _settle_reports(post: Postcard, change: Change, told: Sequence[tuple[Callback, Report]]) -> None:
    numbers = settle_reports(change.connection, [(callback.id, report) for callback, report in told], at=change.at)
    learn_from_reports(post, change, [report for _, report in told], numbers)
    settle_callbacks(
        change.connection,
        [
            Made(callback.id, "settled" if report.mt_id in numbers else "unmatched", mt_id=report.mt_id)
            for callback, report in told
        ],
    )


def _settle_inbound(post: Postcard, change: Change, callback: Callback, message: Inbound) -> None:
    settle_inbound(post, change, callback, message)
    settle_callbacks(change.connection, [Made(callback.id, "settled")])
