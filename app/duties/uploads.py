"""Uploads that go straight to the store: announced, signed piece by piece, and taken in when they are whole."""

import re
from collections.abc import Mapping
from dataclasses import replace

from app.duties.postcard import Postcard
from app.errors import InvalidRequest, NotFound, UploadBroken, UploadEmpty, UploadTooLarge, WrongState
from app.model.media import Spooled
from app.model.ports import ReceivedPart, SignedRequest
from app.records.takedowns import require_not_blocked
from app.records.uploads import Upload, add_upload, get_upload, new_upload_id, settle_upload
from app.upload.filename import clean_filename
from app.upload.receive import receive_raw

_SHA256 = re.compile(r"[0-9a-f]{64}")


def begin_upload(
    post: Postcard, *, filename: str, declared_type: str, size: int, sha256: str, created_by: str
) -> Upload:
    """Announce an upload of ``size`` bytes: in one PUT when it is no longer than a part, else in parts.

    Raises:
        UploadEmpty: no bytes.
        UploadTooLarge: over the limit; nothing was sent yet.
        InvalidRequest: a single PUT needs the SHA-256 of the file.
        ContentBlocked: these bytes were taken down.
    """
    limit = post.settings.upload.max_bytes
    if size < 1:
        raise UploadEmpty("The file has no bytes.", field="bytes")
    if size > limit:
        raise UploadTooLarge(f"The file has {size:,} bytes; {limit:,} are possible.", limit_bytes=limit)
    in_parts = size > post.store.incoming.part_bytes
    if not in_parts and not _SHA256.fullmatch(sha256):
        raise InvalidRequest(
            "A file that fits into one part needs its SHA-256, 64 lower-case hex digits.", field="sha256"
        )
    upload_id = new_upload_id()
    with post.database.read() as connection:
        require_not_blocked(connection, sha256)
    multipart_id = post.store.incoming.begin_parts(upload_id) if in_parts else ""
    with post.change() as change:
        return add_upload(
            change.connection,
            upload_id,
            filename=clean_filename(filename),
            declared_type=declared_type[:200],
            bytes=size,
            sha256=sha256,
            multipart_id=multipart_id,
            created_by=created_by,
            at=change.at,
        )


def part_sizes(post: Postcard, upload: Upload) -> dict[int, int]:
    """Tell the length of each part by its number; a single PUT is part 1."""
    if not upload.multipart_id:
        return {1: upload.bytes}
    full = post.store.incoming.part_bytes
    return {number + 1: min(full, upload.bytes - first) for number, first in enumerate(range(0, upload.bytes, full))}


def sign_parts(post: Postcard, upload: Upload, hashes: Mapping[int, str]) -> dict[int, SignedRequest]:
    """Sign the requests of some parts, each bound to its length and its SHA-256.

    Raises:
        WrongState: the upload is whole already.
        InvalidRequest: a number that the upload does not have, or no SHA-256.
    """
    _require_open(upload)
    incoming, sizes = post.store.incoming, part_sizes(post, upload)
    if not upload.multipart_id:
        return {1: incoming.sign_put(upload.id, size=upload.bytes, sha256=upload.sha256)}
    if wrong := [number for number, sha256 in hashes.items() if number not in sizes or not _SHA256.fullmatch(sha256)]:
        raise InvalidRequest(
            f"The upload has parts 1 to {len(sizes)}, each with a SHA-256 of 64 lower-case hex digits.",
            field="parts",
            numbers=wrong,
        )
    return {
        number: incoming.sign_part(upload.id, upload.multipart_id, number, size=sizes[number], sha256=sha256)
        for number, sha256 in sorted(hashes.items())
    }


def received_parts(post: Postcard, upload: Upload) -> list[ReceivedPart]:
    """List what the store has, so that an upload can go on after its connection was lost."""
    try:
        if upload.multipart_id:
            return post.store.incoming.received_parts(upload.id, upload.multipart_id)
        return [ReceivedPart(1, post.store.incoming.size_of(upload.id), "", upload.sha256)]
    except NotFound:
        return []


def complete_upload(post: Postcard, upload: Upload, hashes: Mapping[int, str]) -> None:
    """Put the upload together and have the worker take it in; doing it again is a success.

    Args:
        post: what the path works with.
        upload: of :func:`begin_upload`.
        hashes: the SHA-256 of each part by its number; not every store lists what it checked. A single PUT needs none.

    Raises:
        WrongState: parts are missing or have another length; ``missing`` names them.
        InvalidRequest: the SHA-256 of a part is missing.
    """
    if upload.state != "open":
        return
    there = received_parts(post, upload)
    found = {each.number: each.bytes for each in there}
    missing = [number for number, size in part_sizes(post, upload).items() if found.get(number) != size]
    if missing and not _is_together(post, upload):
        raise WrongState(f"{len(missing)} part(s) of the upload have not arrived.", missing=missing, state="open")
    if upload.multipart_id and not missing:
        parts = [replace(each, sha256=hashes.get(each.number, each.sha256)) for each in there]
        if any(not _SHA256.fullmatch(each.sha256) for each in parts):
            raise InvalidRequest("`parts` must give the SHA-256 of every part.", field="parts")
        post.store.incoming.complete(upload.id, upload.multipart_id, parts)
    with post.change() as change:
        if get_upload(change.connection, upload.id, lock=True).state == "open":
            settle_upload(change.connection, upload.id, "arrived")
            change.job("take_upload", upload.id)


def _is_together(post: Postcard, upload: Upload) -> bool:
    """Tell whether an earlier completion, whose answer was lost, went through."""
    try:
        return bool(upload.multipart_id) and post.store.incoming.size_of(upload.id) == upload.bytes
    except NotFound:
        return False


def cancel_upload(post: Postcard, upload: Upload) -> None:
    """Forget an upload that nobody wants any more."""
    _require_open(upload)
    post.store.incoming.discard(upload.id, upload.multipart_id)
    with post.change() as change:
        settle_upload(
            change.connection,
            upload.id,
            "failed",
            failure={"slug": UploadBroken.slug, "title": UploadBroken.title, "detail": "The upload was taken back."},
        )


def spool_upload(post: Postcard, upload: Upload) -> Spooled:
    """Stream an upload from the store to disk, hashed on the way; the caller removes the file.

    Raises:
        UploadBroken: other bytes than were announced, or nothing is there any more.
    """
    try:
        with post.store.incoming.opened(upload.id) as stream:
            spooled = receive_raw(
                stream,
                filename=upload.filename,
                content_type=upload.declared_type,
                content_length=upload.bytes,
                spool_dir=post.spool_dir,
                max_bytes=post.settings.upload.max_bytes,
            )
    except NotFound as error:
        raise UploadBroken("The upload is not in the store any more; it stays for a day.") from error
    if upload.sha256 and spooled.sha256 != upload.sha256:
        spooled.path.unlink()
        raise UploadBroken("The bytes that arrived are not those that were announced.")
    return spooled


def _require_open(upload: Upload) -> None:
    if upload.state != "open":
        raise WrongState("The upload is complete already.", state=upload.state)
