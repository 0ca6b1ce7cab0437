"""Large uploads in parts: memory stays at one part, each part is checked by the store, a broken one leaves nothing."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from app.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 * 1024 * 1024
"""Length of a part that a browser sends: S3 asks for 5 MiB at least and takes 10,000 parts."""
OWN_PART_BYTES = 8 * 1024 * 1024
"""Length of a part that we send: it is held in memory once, and several uploads may be under way."""


def put_in_parts(
    client: "S3Client", path: Path, *, bucket: str, key: str, sha256: str, headers: Mapping[str, Any]
) -> None:
    """Upload ``path`` in parts under ``key``, unless something is there already.

    A multipart object has no SHA-256 of the whole: each part carries its own, and the file is hashed as it is read and
    compared before the parts are put together.

    Args:
        client: shared by the process.
        path: read once, from start to end.
        bucket: of the object.
        key: made of ``sha256``.
        sha256: 64 hex digits of the whole file.
        headers: Content-Type and the like, as parameters of CreateMultipartUpload.

    Raises:
        StoreUnavailable: the file is not what ``sha256`` says.
        ClientError: of boto3, after the upload was aborted; the caller translates it (412: the key is taken).
    """
    begun = client.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256", **headers)
    upload = begun["UploadId"]
    try:
        parts = _send_parts(client, path, bucket=bucket, key=key, upload=upload, sha256=sha256)
        client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
    except BaseException:
        # Where even this fails, the bucket's rule for incomplete uploads removes the parts after a day.
        with suppress(ClientError, BotoCoreError):
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


def _send_parts(
    client: "S3Client", path: Path, *, bucket: str, key: str, upload: str, sha256: str
) -> list["CompletedPartTypeDef"]:
    whole = hashlib.sha256()
    parts: list[CompletedPartTypeDef] = []
    with path.open("rb") as file:
        while content := file.read(OWN_PART_BYTES):
            whole.update(content)
            checksum = b64encode(hashlib.sha256(content).digest()).decode()
            number = len(parts) + 1
            answer = client.upload_part(
                Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=content, ChecksumSHA256=checksum
            )
            parts.append({"ETag": answer["ETag"], "PartNumber": number, "ChecksumSHA256": checksum})
            del content  # before the next one is read, not after
    if whole.hexdigest() != sha256:
        raise StoreUnavailable("The file changed while it was uploaded; nothing was kept.", key=key)
    return parts
