"""Stage 7, report: what OpenMarket tells us; pure reading, and it may not import other stages, Flask or records.

callback    a posted body -> a delivery report, an inbound message, or something unreadable; never an exception
stopwords   what a person's reply asks for: stop, start, help
"""

from app.report.callback import Unreadable, parse_callback

__all__ = ["Unreadable", "parse_callback"]
