"""The sandbox is an OpenMarket on this machine, for anybody's client; it may not import compose, send, records, pipeline or host.

It judges every request by the documented rules with a parser of its own, answers as documented, fetches links as two
data centres would, and posts delivery reports. Its state is in memory and bounded. Start at ``web.create_sandbox``.

    rules    the documented rules, with where each is stated     codes     error codes and their HTTP status
    mime     multipart/mixed, byte by byte                       judge     all rules over one request
    content  the content parts                                   details   the JSON part and its numbers
    numbers  destinations that mean something                    faults    what goes wrong on demand
    centre   a data centre: fetches and caches links             reports   delivery reports and inbound messages
    desk     what arrived, as one thread-safe object             web, api, page, serve   HTTP
"""

from app.sandbox.faults import parse_fault
from app.sandbox.options import SandboxOptions
from app.sandbox.serve import run_sandbox

__all__ = ["SandboxOptions", "parse_fault", "run_sandbox"]
