"""One POST of OpenMarket, worked on: a report moves its message, an inbound message is kept and heeded.

One that breaks on the way is marked and changes nothing; the others of its batch, a STOP among them, are not held up by it.
"""

from app.duties.handsets import learn_from_report
from app.duties.inbound import settle_inbound
from app.duties.postcard import Change, Postcard
from app.errors import DatabaseBusy
from app.model.messages import Inbound, Report
from app.records.callbacks import Callback, settle_callback
from app.records.database import savepoint
from app.records.reports import settle_report
from app.report.callback import Unreadable
from app.telemetry import log


def settle_one(post: Postcard, change: Change, callback: Callback, read: Report | Inbound | Unreadable) -> None:
    """Do what one POST asks for, whole or not at all.

    Raises:
        DatabaseBusy: nothing of the batch was changed.
    """
    try:
        with savepoint(change.connection):
            _settle(post, change, callback, read)
    except DatabaseBusy:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever one POST breaks, the next one may be a STOP
        log.exception("a callback broke", callback=callback.id, alarm=True)
        settle_callback(
            change.connection, callback.id, "unreadable", problem=f"{type(error).__name__} while working on it"
        )


def _settle(post: Postcard, change: Change, callback: Callback, read: Report | Inbound | Unreadable) -> None:
    if isinstance(read, Unreadable):
        settle_callback(change.connection, callback.id, "unreadable", problem=read.reason)
    elif isinstance(read, Inbound):
        settle_inbound(post, change, callback, read)
        settle_callback(change.connection, callback.id, "settled")
    else:
        known = settle_report(change.connection, callback.id, read, at=change.at)
        learn_from_report(post, change, read)
        settle_callback(change.connection, callback.id, "settled" if known else "unmatched", mt_id=read.mt_id)
