"""What the errors of S3 and boto3 mean to us: one table for codes, one for what never reached a store."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from app.errors import NotFound, PostcardError, StoreMisconfigured, StoreUnavailable
from app.telemetry import HOSTING

Meaning = tuple[type[PostcardError], str]
Foreign = ClientError | BotoCoreError | ResponseParserError | RecursionError | ValueError

_BUSY: Meaning = (StoreUnavailable, "The store asks us to slow down.")
_SLOW: Meaning = (StoreUnavailable, "The store did not answer in time.")
_FAILED: Meaning = (StoreUnavailable, "The store failed.")
_DAMAGED: Meaning = (StoreUnavailable, "The store refused bytes that differ from their checksum; nothing was kept.")
_RACED: Meaning = (StoreUnavailable, "Another writer was at the same object at the same time.")
_GONE: Meaning = (NotFound, "There is no such object in the store.")
_CLOCK: Meaning = (StoreMisconfigured, "This machine's clock differs from the store's by too much: set the clock.")
_EXPIRED: Meaning = (StoreMisconfigured, "The credentials for the store have expired.")
_CREDENTIALS: Meaning = (StoreMisconfigured, "The store does not accept our credentials.")
_RIGHTS: Meaning = (
    StoreMisconfigured,
    "Our credentials lack a right on the bucket; docs/infra.md lists the rights needed.",
)
_BUCKET: Meaning = (
    StoreMisconfigured,
    "There is no such bucket: set POSTCARD_S3_BUCKET, or run `postcard bucket apply`.",
)
_REGION: Meaning = (StoreMisconfigured, "The bucket lives in another region: set POSTCARD_S3_REGION.")
_FULL: Meaning = (StoreMisconfigured, "The store has no room left for us.")

CODES: dict[str, Meaning] = {
    "SlowDown": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "TooManyRequests": _BUSY,
    "TooManyRequestsException": _BUSY,
    "BandwidthLimitExceeded": _BUSY,
    "RequestTimeout": _SLOW,
    "RequestTimeoutException": _SLOW,
    "InternalError": _FAILED,
    "ServiceUnavailable": _FAILED,
    "BadDigest": _DAMAGED,
    "InvalidDigest": _DAMAGED,
    "IncompleteBody": _DAMAGED,
    "XAmzContentSHA256Mismatch": _DAMAGED,
    "XAmzContentChecksumMismatch": _DAMAGED,
    "ConditionalRequestConflict": _RACED,
    "OperationAborted": _RACED,
    "NoSuchKey": _GONE,
    "NoSuchVersion": _GONE,
    "NoSuchUpload": _GONE,
    "404": _GONE,  # HEAD answers have no body, so no code
    "RequestTimeTooSkewed": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    "RequestExpired": _CLOCK,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidToken": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "AccountProblem": _CREDENTIALS,
    "NotSignedUp": _CREDENTIALS,
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "403": _RIGHTS,
    "NoSuchBucket": _BUCKET,
    "InvalidBucketName": _BUCKET,
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "301": _REGION,
    "307": _REGION,
    "QuotaExceeded": _FULL,
    "EntityTooLarge": _FULL,
    "InsufficientStorage": _FULL,
}

# What boto3 says when no answer came. The first class that fits counts; BotoCoreError takes the rest of boto3's own.
NO_ANSWER: tuple[tuple[type[Exception], Meaning], ...] = (
    (boto.ConnectTimeoutError, (StoreUnavailable, "The store did not take a connection in time.")),
    (boto.ReadTimeoutError, _SLOW),
    (boto.SSLError, (StoreMisconfigured, "The store's certificate is not valid for POSTCARD_S3_ENDPOINT_URL.")),
    (boto.ProxyConnectionError, (StoreUnavailable, "The proxy in front of the store does not answer.")),
    (boto.EndpointConnectionError, (StoreUnavailable, "The store takes no connection at POSTCARD_S3_ENDPOINT_URL.")),
    (boto.ConnectionClosedError, (StoreUnavailable, "The store closed the connection before it answered.")),
    (boto.HTTPClientError, (StoreUnavailable, "The connection to the store broke.")),
    (boto.ConnectionError, (StoreUnavailable, "The connection to the store broke.")),
    (boto.IncompleteReadError, (StoreUnavailable, "The store's answer ended early.")),
    (ResponseParserError, (StoreUnavailable, "What came back is not an answer of an S3 store.")),
    (boto.ChecksumError, (StoreUnavailable, "The bytes from the store differ from their checksum.")),
    (boto.FlexibleChecksumError, (StoreUnavailable, "The bytes from the store differ from their checksum.")),
    (boto.NoCredentialsError, (StoreMisconfigured, "There are no credentials for the store.")),
    (boto.CredentialRetrievalError, (StoreMisconfigured, "The credentials for the store could not be fetched.")),
    (boto.MetadataRetrievalError, (StoreUnavailable, "The instance's credentials service does not answer.")),
    # To a redirect without a region boto3 asks for the region, is redirected again, and so on (botocore 1.43).
    (
        RecursionError,
        (StoreMisconfigured, "The store redirects elsewhere: set POSTCARD_S3_ENDPOINT_URL to where it answers."),
    ),
    (BotoCoreError, (StoreMisconfigured, "The store cannot be used with these settings.")),
    # A header that is not what it should be, such as a date, passes boto3 unwrapped.
    (ValueError, (StoreUnavailable, "What came back is not an answer of an S3 store.")),
)


def code_of(error: ClientError) -> str:
    """Tell the S3 error code; for a HEAD answer it is the HTTP status as text."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _of_status(status: int) -> Meaning:
    if status >= 500:
        return _FAILED
    if status in {408, 429}:
        return _BUSY
    if status in {401, 403}:
        return _RIGHTS
    return StoreMisconfigured, "The store refused the request."


def meaning_of(error: Foreign) -> Meaning:
    """Find what an error of boto3 means: by its code, else by its HTTP status, else by its class."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return CODES.get(code_of(error)) or _of_status(status)
    return next(meaning for kind, meaning in NO_ANSWER if isinstance(error, kind))


def translate(error: Foreign, operation: str, **facts: str) -> PostcardError:
    """Turn an error of boto3 into ours. The code is told, the store's own words are not: they may name internals."""
    kind, sentence = meaning_of(error)
    code = code_of(error) if isinstance(error, ClientError) else type(error).__name__
    return kind(sentence, operation=operation, code=code, **facts)


@contextmanager
def asking(operation: str, **facts: str) -> Iterator[None]:
    """Run calls of boto3, count them, and raise our errors instead of theirs.

    Raises:
        StoreUnavailable: trying again may help.
        StoreMisconfigured: somebody must mend settings, rights or the bucket.
        NotFound: the object is not there.
    """
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError, RecursionError, ValueError) as error:
        told = translate(error, operation, **facts)
        HOSTING.labels(operation, told.slug).inc()
        raise told from error
    HOSTING.labels(operation, "ok").inc()


class tolerating:  # noqa: N801 -- reads like contextlib.suppress
    """Take an S3 error with one of ``codes`` as an answer like any other: what stands inside ends there."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, ClientError) and code_of(error) in self._codes
