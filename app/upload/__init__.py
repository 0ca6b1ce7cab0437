"""Stage 1, upload: bytes come in, are counted, hashed and spooled to disk. Knows no Flask, no database, no other stage.

    receive    a request body, multipart/form-data or raw
    fetch      a URL, connecting to none but the address that was checked
    addresses  which addresses may be connected to
    spool      the file on disk, and its SHA-256
    filename   the uploader's file name, for display only

Bytes are not looked into here: what they are is for probe to say.
"""
