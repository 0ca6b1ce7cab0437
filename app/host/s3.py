"""The one store of Postcard: boto3 against any S3 endpoint, AWS and the embedded SeaweedFS alike."""

import hashlib
import math
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import settings
from app.errors import NotFound, StoreMisconfigured, StoreUnavailable
from app.host.address import key_of, sha256_of_key, shown_name
from app.host.answers import asking, tolerating
from app.host.cdn import invalidate
from app.host.client import bucket_url, has_temporary_credentials, make_client
from app.host.incoming import S3Incoming
from app.host.lifecycle import Expiry, expires_at, read_expiration_header, read_expiries, shortest_days
from app.host.multipart import PART_BYTES, put_in_parts
from app.model.ports import Link, Listed, Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

RULES_SECONDS = 60
CHUNK_BYTES = 1024 * 1024
ORIGINAL_CACHE = "private, no-store"
_NOT_S3 = "What came back is not an answer of an S3 store."
_OTHER_BYTES = "Other bytes lie at this address: somebody else wrote to the bucket."
_BUCKET_MISSING = "There is no bucket {}: set POSTCARD_S3_BUCKET, or run `postcard bucket apply`."


class S3Store:
    """Implements :class:`app.model.ports.Store`; thread-safe; make one a process.

    Args:
        s3: the POSTCARD_S3 section.
        public_base_url: where the world fetches keys, without a slash at the end; empty = bucket at the endpoint.
        access_key: explicit credentials, for the embedded store; empty = as boto3 finds them.
        secret_key: goes with ``access_key``.
        distribution_id: the CloudFront distribution in front; empty = none, nothing is invalidated.
        presign_days: links to media are signed for so many days, for a bucket that is private; 0 = not signed.

    Rights needed, for web and worker alike, since a preview is hosted in the web. On the bucket: ``s3:ListBucket`` (without
    it AWS answers 403 for a missing key), ``s3:ListBucketVersions`` and ``s3:GetLifecycleConfiguration``; on
    ``media_prefix*`` and ``originals_prefix*``: ``s3:PutObject``, ``s3:GetObject``, ``s3:DeleteObject``,
    ``s3:DeleteObjectVersion``, ``s3:AbortMultipartUpload``; on ``incoming/*`` the same without versions, and
    ``s3:ListMultipartUploadParts``; on the distribution, where there is one, ``cloudfront:CreateInvalidation``.
    ``RIGHTS_ON_*`` hold them for the rule test against infra/.
    """

    RIGHTS_ON_BUCKET = ("s3:GetLifecycleConfiguration", "s3:ListBucket", "s3:ListBucketVersions")
    RIGHTS_ON_OBJECTS = (
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObject",
        "s3:PutObject",
    )
    RIGHTS_ON_INCOMING = (
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    )
    RIGHTS_ON_DISTRIBUTION = ("cloudfront:CreateInvalidation",)

    def __init__(
        self,
        s3: settings.S3,
        *,
        public_base_url: str,
        access_key: str = "",
        secret_key: str = "",
        distribution_id: str = "",
        presign_days: int = 0,
    ) -> None:
        self._s3 = s3
        self._distribution_id = distribution_id
        self._presign_days = presign_days
        self._credentials_last = False
        self._public_base_url = public_base_url.rstrip("/") or bucket_url(s3)
        self._credentials = (access_key, secret_key)
        self._making = threading.Lock()
        self._client: S3Client | None = None
        self._rules: tuple[float, tuple[Expiry, ...]] = (0.0, ())

    @property
    def client(self) -> "S3Client":
        """The boto3 client, made at first use: a forked web worker must not share its parent's connections."""
        with self._making:
            if self._client is None:
                access_key, secret_key = self._credentials
                self._client = make_client(self._s3, access_key=access_key, secret_key=secret_key)
            return self._client

    @property
    def incoming(self) -> S3Incoming:
        """Uploads that go straight to the store; they need ``RIGHTS_ON_INCOMING`` on ``incoming/*``."""
        return S3Incoming(self, self._s3.bucket)

    def put_media(self, path: Path, *, sha256: str, content_type: str) -> Stored:
        """Host the file at ``path`` under its public key and tell what the store holds.

        The same bytes twice, also by several processes at once, are one object; a repeated put does **not** restart the
        lifecycle clock: look at ``expires_at`` and renew. ``stored_at`` of a new object is by the store's clock, at most
        a second and the request's duration before its LastModified, never after.

        Args:
            path: the bytes; not changed, not removed.
            sha256: 64 hex digits; the store itself refuses other bytes, and where it cannot (Ceph 16), what it kept is read
                back and hashed.
            content_type: the real type; gives the extension.

        Raises:
            StoreUnavailable: try again; nothing half is there.
            StoreMisconfigured: bucket, rights or credentials; or something else lies at this address.
            MediaUnsupported: the type has no extension.

        Cost: one PUT; a HEAD more where the address was taken, and a GET where the store keeps no SHA-256.
        """
        return self._put(path, sha256=sha256, content_type=content_type, prefix=self._s3.media_prefix)

    def put_original(self, path: Path, *, sha256: str, content_type: str) -> Stored:
        """Keep an upload under its private key; long files go in parts. Else like :meth:`put_media`."""
        return self._put(path, sha256=sha256, content_type=content_type, prefix=self._s3.originals_prefix)

    def describe(self, key: str) -> Stored:
        """Look at one object, by the store's clock.

        ``expires_at`` is the store's own word (``x-amz-expiration``) where it gives one, else what the bucket's rules as
        read from the bucket (at most a minute ago) say.

        Raises:
            NotFound: no object has this key.
            StoreUnavailable: try again.
            StoreMisconfigured: bucket, rights or credentials.
        """
        return self._stored(key, self._head(key))

    def renew(self, key: str) -> Stored:
        """Restart the lifecycle clock: copy the object onto itself, headers repeated, if nobody changed it meanwhile.

        Raises:
            NotFound: no object has this key; restore it from its original.
            StoreUnavailable: try again.
            StoreMisconfigured: bucket, rights or credentials; or the object is not what its address says.
        """
        head = self._head(key)
        self._expect(key, head, sha256=sha256_of_key(key))
        if not head.get("ChecksumSHA256"):
            self._read_back(key, sha256=sha256_of_key(key), created=False)
        encryption: dict[str, Any] = {}
        if "SSEKMSKeyId" in head:
            encryption = {"ServerSideEncryption": head["ServerSideEncryption"], "SSEKMSKeyId": head["SSEKMSKeyId"]}
        # 412: under KMS each copy has a new ETag; somebody else renewed between our HEAD and our copy.
        with asking("renew", key=key), tolerating("PreconditionFailed"):
            self.client.copy_object(
                Bucket=self._s3.bucket,
                Key=key,
                CopySource={"Bucket": self._s3.bucket, "Key": key},
                CopySourceIfMatch=head["ETag"],
                MetadataDirective="REPLACE",
                ChecksumAlgorithm="SHA256",
                **self._headers(key, head["ContentType"]),
                **encryption,
            )
        return self.describe(key)

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes of ``key`` to ``path`` and check them against the address; bounded memory.

        Raises:
            NotFound: no object has this key.
            StoreUnavailable: the answer broke off or its bytes are not those of the address; ``path`` is gone then.
            StoreMisconfigured: bucket, rights or credentials.
        """
        try:
            with asking("fetch", key=key):
                found = self._download(key, path)
            if found != sha256_of_key(key):
                raise StoreUnavailable("The bytes from the store are not those of their address.", key=key)  # noqa: TRY301 -- the file must go in this case too
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is a success.

        Raises:
            StoreUnavailable: try again.
            StoreMisconfigured: bucket, rights or credentials.
        """
        with asking("delete", key=key):
            answer = self.client.delete_object(Bucket=self._s3.bucket, Key=key)
        if answer["ResponseMetadata"]["HTTPStatusCode"] != 204:
            raise StoreUnavailable(_NOT_S3, operation="delete", key=key)

    def erase(self, key: str) -> None:
        """Remove an object with all of its versions; one that is not there is a success.

        Raises:
            StoreUnavailable: try again.
            StoreMisconfigured: bucket, rights or credentials.

        Cost: one list, and one request a version.
        """
        with asking("erase", key=key):
            pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self._s3.bucket, Prefix=key)
            listed = [each for page in pages for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]
            versions = [each["VersionId"] for each in listed if each["Key"] == key and "VersionId" in each]
            for version in versions:
                if version != "null":
                    self.client.delete_object(Bucket=self._s3.bucket, Key=key, VersionId=version)
        # In a bucket without versions this is the object itself; a delete marker would be one more version.
        if not versions or "null" in versions:
            self.delete(key)

    def uncache(self, keys: Sequence[str]) -> None:
        """Have CloudFront forget these keys at all of its edges; it begins at once and takes about a minute.

        Raises:
            StoreUnavailable: try again.
            StoreMisconfigured: rights, credentials or the distribution's id.
        """
        if self._distribution_id and keys:
            with asking("uncache"):
                invalidate(self._s3, self._distribution_id, keys, credentials=self._credentials)

    def list_keys(self, prefix: str) -> Iterator[Listed]:
        """List every object under ``prefix``, 1,000 a request.

        Raises:
            StoreUnavailable: try again; what was given is right and not all.
            StoreMisconfigured: bucket, rights or credentials.
        """
        with asking("list", prefix=prefix):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self._s3.bucket, Prefix=prefix):
                for each in page.get("Contents", ()):
                    yield Listed(each["Key"], each["Size"], each["LastModified"].astimezone(UTC))

    def lifecycle_days(self) -> int | None:
        """Read from the bucket after how many days its rules remove public media; None = never.

        Raises:
            StoreUnavailable: try again.
            StoreMisconfigured: bucket, rights or credentials.
        """
        return shortest_days(self._read_rules(), prefix=self._s3.media_prefix, now=datetime.now(UTC))

    def link_to(self, key: str) -> Link:
        """Tell where the world fetches a public key; keys hold nothing that needs quoting.

        Where links are signed, each call signs anew; no request is made.

        Raises:
            StoreMisconfigured: there are no credentials to sign with, or only temporary ones, which end before the link.
        """
        if not self._presign_days:
            return Link(f"{self._public_base_url}/{key}", None)
        self._require_lasting_credentials()
        lifetime = timedelta(days=self._presign_days)
        expires_at = datetime.now(UTC) + lifetime
        with asking("sign", key=key):
            url = self.client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._s3.bucket, "Key": key},
                ExpiresIn=int(lifetime.total_seconds()),
            )
        return Link(url, expires_at)

    def url_of(self, key: str) -> str:
        """Tell the URL of :meth:`link_to` alone."""
        return self.link_to(key).url

    def _require_lasting_credentials(self) -> None:
        """Look once at what signs: a session token ends within hours, and every link signed with it at the same moment.

        Raises:
            StoreMisconfigured: the credentials are temporary.
        """
        if self._credentials_last or self._credentials[0]:
            return
        if has_temporary_credentials():
            raise StoreMisconfigured(
                "Links cannot be signed with temporary credentials (a role's or a session's): they would end within hours. "
                "Give web and worker the keys of a user of their own, or put a CDN in front and set "
                "POSTCARD_PUBLIC_PRESIGN_DAYS=0."
            )
        self._credentials_last = True

    def _put(self, path: Path, *, sha256: str, content_type: str, prefix: str) -> Stored:
        key = key_of(sha256, content_type, prefix=prefix)
        headers = self._headers(key, content_type)
        size = path.stat().st_size
        fresh: Stored | None = None
        created = False
        # 412: the address is taken, which is a success if the same bytes lie there (the HEAD below tells).
        with asking("put", key=key), tolerating("PreconditionFailed"):
            if size > 2 * PART_BYTES:
                put_in_parts(self.client, path, bucket=self._s3.bucket, key=key, sha256=sha256, headers=headers)
            else:
                fresh = self._put_at_once(path, key=key, size=size, sha256=sha256, headers=headers)
            created = True
        if fresh is not None:
            return fresh
        head = self._head(key)
        self._expect(key, head, sha256=sha256, size=size)
        if not head.get("ChecksumSHA256"):
            self._read_back(key, sha256=sha256, created=created)
        return self._stored(key, head)

    def _read_back(self, key: str, *, sha256: str, created: bool) -> None:
        """Hash what lies at ``key``: a store that keeps no SHA-256 has not checked one either; bounded memory.

        Raises:
            StoreUnavailable: ``created``, and other bytes arrived; they are removed.
            StoreMisconfigured: somebody else's bytes lie there.
        """
        digest = hashlib.sha256()
        with asking("fetch", key=key):
            for chunk in self._chunks(key):
                digest.update(chunk)
        if digest.hexdigest() == sha256:
            return
        if not created:
            raise StoreMisconfigured(_OTHER_BYTES, key=key)
        self.delete(key)
        raise StoreUnavailable(
            "The bytes changed on their way to the store; nothing was kept.", code="BadDigest", key=key
        )

    def _put_at_once(self, path: Path, *, key: str, size: int, sha256: str, headers: dict[str, Any]) -> Stored | None:
        """Put the file in one request; None = the answer does not prove what is there, so it must be looked at."""
        checksum = b64encode(bytes.fromhex(sha256)).decode()
        began = time.monotonic()
        with path.open("rb") as file:
            answer = self.client.put_object(
                Bucket=self._s3.bucket, Key=key, Body=file, ChecksumSHA256=checksum, IfNoneMatch="*", **headers
            )
        answered = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        if answer.get("ChecksumSHA256") != checksum or not answered or "ETag" not in answer:
            return None
        # By the store's clock, and never later than its LastModified: the write began after we asked.
        stored_at = parsedate_to_datetime(answered) - timedelta(seconds=math.ceil(time.monotonic() - began))
        return Stored(
            key=key,
            bytes=size,
            content_type=headers["ContentType"],
            cache_control=headers["CacheControl"],
            etag=answer["ETag"],
            sha256=sha256,
            stored_at=stored_at,
            expires_at=self._end_of(key, size, stored_at, told=answer.get("Expiration", "")),
        )

    def _headers(self, key: str, content_type: str) -> dict[str, Any]:
        public = key.startswith(self._s3.media_prefix)
        return {
            "ContentType": content_type,
            "CacheControl": f"public, max-age={self._s3.cache_seconds}, immutable" if public else ORIGINAL_CACHE,
            "ContentDisposition": f'inline; filename="{shown_name(key)}"',
        }

    def _head(self, key: str) -> "HeadObjectOutputTypeDef":
        try:
            with asking("describe", key=key):
                head = self.client.head_object(Bucket=self._s3.bucket, Key=key, ChecksumMode="ENABLED")
        except NotFound:
            self._require_bucket()
            raise
        if not {"ETag", "LastModified", "ContentLength", "ContentType"} <= head.keys():
            raise StoreUnavailable(_NOT_S3, operation="describe", key=key)
        return head

    def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing key, which the answer to a HEAD does not.

        Raises:
            StoreMisconfigured: the bucket is missing.
        """
        try:
            with asking("bucket"):
                self.client.head_bucket(Bucket=self._s3.bucket)
        except NotFound as missing:
            raise StoreMisconfigured(_BUCKET_MISSING.format(self._s3.bucket), bucket=self._s3.bucket) from missing

    def _chunks(self, key: str) -> Iterator[bytes]:
        body = self.client.get_object(Bucket=self._s3.bucket, Key=key)["Body"]
        with body:
            yield from body.iter_chunks(CHUNK_BYTES)

    def _download(self, key: str, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for chunk in self._chunks(key):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    @staticmethod
    def _expect(key: str, head: "HeadObjectOutputTypeDef", *, sha256: str, size: int | None = None) -> None:
        """Check that an object is what its address says.

        Raises:
            StoreMisconfigured: it is not.
        """
        there = _whole_sha256(head)
        if (there and there != sha256) or (size is not None and head["ContentLength"] != size):
            raise StoreMisconfigured(_OTHER_BYTES, key=key)

    def _stored(self, key: str, head: "HeadObjectOutputTypeDef") -> Stored:
        stored_at = head["LastModified"].astimezone(UTC)
        size = head["ContentLength"]
        return Stored(
            key=key,
            bytes=size,
            content_type=head["ContentType"],
            cache_control=head.get("CacheControl", ""),
            etag=head["ETag"],
            sha256=_whole_sha256(head) or sha256_of_key(key),
            stored_at=stored_at,
            expires_at=self._end_of(key, size, stored_at, told=head.get("Expiration", "")),
        )

    def _end_of(self, key: str, size: int, stored_at: datetime, *, told: str) -> datetime | None:
        """Tell when the object goes: the store's own word (x-amz-expiration), else what the bucket's rules say."""
        own_word = read_expiration_header(told)
        return own_word or expires_at(self._recent_rules(), key=key, size=size, stored_at=stored_at)

    def _recent_rules(self) -> tuple[Expiry, ...]:
        read_at, rules = self._rules
        if not read_at or time.monotonic() - read_at > RULES_SECONDS:
            return self._read_rules()
        return rules

    def _read_rules(self) -> tuple[Expiry, ...]:
        rules: list[Any] = []
        with asking("lifecycle"), tolerating("NoSuchLifecycleConfiguration"):
            rules = list(self.client.get_bucket_lifecycle_configuration(Bucket=self._s3.bucket)["Rules"])
        expiries = read_expiries(rules)
        self._rules = (time.monotonic(), expiries)
        return expiries


def _whole_sha256(head: "HeadObjectOutputTypeDef") -> str:
    """Read the checksum of the whole object in hex; empty where the store has none, as for objects put in parts."""
    checksum = head.get("ChecksumSHA256", "")
    return "" if not checksum or "-" in checksum else b64decode(checksum).hex()
