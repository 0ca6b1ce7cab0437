"""Uploads that go straight to the store: requests signed for a browser, bound to what they carry, under ``incoming/``.

What lies there is nobody's yet: it is private, it is hashed again when it is taken in, and the bucket's rule removes it after
a day, parts of an upload that was never completed included.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.errors import NotFound, UploadBroken
from app.host.answers import asking, tolerating
from app.host.multipart import PART_BYTES
from app.model.ports import ReceivedPart, SignedRequest, Stream

if TYPE_CHECKING:
    from app.host.s3 import S3Store

PREFIX = "incoming/"
LINK_SECONDS = 3_600
_OTHER_PARTS = ("BadDigest", "InvalidPart", "InvalidRequest")


class S3Incoming:
    """Implements :class:`app.model.ports.Incoming`.

    Args:
        store: whose client and bucket are used.
        bucket: its name.
    """

    part_bytes = PART_BYTES

    def __init__(self, store: "S3Store", bucket: str) -> None:
        self._store = store
        self._bucket = bucket

    def begin_parts(self, name: str) -> str:
        """Begin an upload in parts; tell the store's id of it."""
        with asking("begin upload"):
            begun = self._store.client.create_multipart_upload(
                Bucket=self._bucket, Key=PREFIX + name, ChecksumAlgorithm="SHA256"
            )
        return begun["UploadId"]

    def sign_put(self, name: str, *, size: int, sha256: str) -> SignedRequest:
        """Sign the PUT of one file of exactly these bytes; it holds for an hour."""
        return self._sign("put_object", size, sha256, Key=PREFIX + name)

    def sign_part(self, name: str, multipart_id: str, number: int, *, size: int, sha256: str) -> SignedRequest:
        """Sign the PUT of one part of exactly these bytes; ``number`` counts from 1."""
        return self._sign("upload_part", size, sha256, Key=PREFIX + name, UploadId=multipart_id, PartNumber=number)

    def _sign(self, operation: str, size: int, sha256: str, **about: Any) -> SignedRequest:
        checksum = b64encode(bytes.fromhex(sha256)).decode()
        bound = {"Bucket": self._bucket, "ContentLength": size, "ChecksumSHA256": checksum}
        with asking("sign"):
            url = self._store.client.generate_presigned_url(
                operation, Params={**bound, **about}, ExpiresIn=LINK_SECONDS
            )
        # The browser sets Content-Length itself, and may not be told to.
        return SignedRequest("PUT", url, {"x-amz-checksum-sha256": checksum}, size)

    def received_parts(self, name: str, multipart_id: str) -> list[ReceivedPart]:
        """List the parts that the store has.

        Raises:
            NotFound: there is no such upload: it was completed, aborted, or a day is over.
        """
        with asking("list parts"):
            pages = self._store.client.get_paginator("list_parts").paginate(
                Bucket=self._bucket, Key=PREFIX + name, UploadId=multipart_id
            )
            found = [each for page in pages for each in page.get("Parts", ())]
        return [
            ReceivedPart(
                number=each["PartNumber"],
                bytes=each["Size"],
                etag=each["ETag"],
                sha256=b64decode(each["ChecksumSHA256"]).hex() if each.get("ChecksumSHA256") else "",
            )
            for each in found
        ]

    def complete(self, name: str, multipart_id: str, parts: Sequence[ReceivedPart]) -> None:
        """Put the parts together; an upload that is together already is a success.

        Raises:
            UploadBroken: a part is not what it is said to be.
            StoreUnavailable: try again.
            StoreMisconfigured: bucket, rights or credentials.
        """
        listed: list[Any] = [
            {
                "PartNumber": each.number,
                "ETag": each.etag,
                "ChecksumSHA256": b64encode(bytes.fromhex(each.sha256)).decode(),
            }
            for each in parts
        ]
        with asking("complete upload"), tolerating(*_OTHER_PARTS):
            with tolerating("NoSuchUpload"):
                self._store.client.complete_multipart_upload(
                    Bucket=self._bucket, Key=PREFIX + name, UploadId=multipart_id, MultipartUpload={"Parts": listed}
                )
            return
        raise UploadBroken("A part in the store has another SHA-256 than it is said to have.")

    def size_of(self, name: str) -> int:
        """Tell how many bytes arrived.

        Raises:
            NotFound: nothing arrived.
        """
        with asking("describe"):
            return self._store.client.head_object(Bucket=self._bucket, Key=PREFIX + name)["ContentLength"]

    @contextmanager
    def opened(self, name: str) -> Iterator[Stream]:
        """Give what arrived as a stream, in bounded memory.

        Raises:
            NotFound: nothing arrived, or a day is over.
        """
        with asking("fetch"):
            body = self._store.client.get_object(Bucket=self._bucket, Key=PREFIX + name)["Body"]
            with body:
                yield body

    def discard(self, name: str, multipart_id: str = "") -> None:
        """Forget an upload, whole or in parts; one that is not there is a success."""
        if multipart_id:
            try:
                with asking("abort upload"):
                    self._store.client.abort_multipart_upload(
                        Bucket=self._bucket, Key=PREFIX + name, UploadId=multipart_id
                    )
            except NotFound:
                pass
        self._store.delete(PREFIX + name)
