"""Stage 5, compose: the OpenMarket MIME message, byte for byte; no I/O, and it may not import other stages, Flask or records.

numbers   what a recipient's number is and whether OpenMarket serves it
checks    what may be in a subject, a text, a link
mime      the bytes of one request, as a template that each recipient fills
"""
