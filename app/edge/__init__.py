"""HTTP in: the API, the pages, the callbacks. Flask stands here; may import the pipeline and everything below it.

app          puts it together                     context      what a request works with
problems     errors as RFC 9457, one table        auth         who is calling; closed by default
origin       foreign pages cannot act for a user  idempotency  the same request twice is one
views        nouns to JSON                        schemas/     what comes in and goes out, by pydantic
api/         the addresses for programs           pages/       the pages for people
callbacks    what OpenMarket posts                health       alive, ready, metrics
docs         the errors page and the API's own    headers      what browsers may do with our answers
passwords    argon2                               body         an upload, from the socket without copies
"""

from app.edge.app import create_app

__all__ = ["create_app"]
