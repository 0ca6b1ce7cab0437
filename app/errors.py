"""Every error that Postcard raises on purpose.

    PostcardError
    |-- Rejected                  the caller can mend it; never retried; logged as info
    |   |-- InvalidRequest          a field is missing or wrong
    |   |-- NotSignedIn             no user and no token
    |   |-- SignInFailed            wrong name, password or link
    |   |-- Forbidden               foreign origin, missing CSRF token, or not an admin
    |   |-- NotFound                no such asset, campaign, message ...
    |   |-- MethodNotAllowed        the address is there, but not for this method
    |   |-- BodyUnreadable          the request body is not the JSON it should be
    |   |-- BodyTypeWrong           the request body has a Content-Type that is not taken here
    |   |-- BodyTooLarge            the request body is longer than is read
    |   |-- TooManyRequests         slow down
    |   |-- IdempotencyConflict     the same Idempotency-Key with another body
    |   |-- IdempotencyInProgress   the first request with this key is still at work
    |   |-- WrongState              the campaign or asset is not in a state for this
    |   |-- StillHeld               deletion before held_until, or a campaign names the asset
    |   |-- UploadEmpty             no file, or a file of no bytes
    |   |-- UploadTooLarge          longer than the upload limit
    |   |-- UploadBroken            the request body ended early or is not multipart/form-data
    |   |-- FetchRefused            a URL that we will not or cannot fetch
    |   |-- MediaUnsupported        the bytes are something that MMS cannot carry
    |   |-- MediaDamaged            truncated, or no decoder gets through it
    |   |-- MediaTooBig             more pixels, frames or seconds than is sane
    |   |-- ContentBlocked          these very bytes were taken down
    |   |-- CannotFit               nothing acceptable is short enough
    |   |-- FittingCancelled        somebody stopped it while it was being fitted
    |   |-- InvalidRecipients       one or more numbers cannot be sent to
    |   |-- NoSender                no sender for the recipient's country
    |   |-- InvalidMessage          subject, text or part list is not sendable
    |   |-- MessageTooLarge         the whole message is over its profile
    |   `-- LiveLocked              the live lock is closed for these numbers
    |-- Unavailable               somebody else's fault; retried; a warning when given up
    |   |-- StoreUnavailable        the S3 store does not answer, throttles or fails
    |   |-- DatabaseBusy            the database is locked or away
    |   |-- MediaUnreachable        the public URL does not answer as OpenMarket needs it
    |   |-- GatewayUnavailable      no endpoint of the gateway takes a connection
    |   |-- DecoderBusy             all confined decoders are at work
    |   `-- DiskFull                no room for an upload on this machine
    `-- Broken                    ours; never retried; an error with an alarm
        |-- SettingsInvalid         wrong settings, all of them at once
        |-- StoreMisconfigured      bucket missing, credentials or rights wrong, lifecycle too short
        |-- CannotStart             something on this machine is in the way
        |-- RecordsInconsistent     the database says something that cannot be
        `-- Defect                  a bug: none of the above

Each class has a slug (its place in docs/errors.md and the last part of the problem type), a title, and says by its
family whether to retry and how loudly to log. Instances carry a detail that is safe to show and facts as fields.
"""

from typing import Any, ClassVar, Literal


class PostcardError(Exception):
    """The root: ``detail`` is safe to show to the caller, ``facts`` are JSON-able fields of the problem."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    remedy: ClassVar[str] = ""
    retry: ClassVar[bool] = False
    alarm: ClassVar[bool] = False
    quotes: ClassVar[bool] = False  # the detail quotes what the caller sent, numbers perhaps: answered, and not logged
    log_level: ClassVar[Literal["info", "warning", "error"]] = "error"

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a trip between processes with the facts."""
        return (_rebuild, (type(self), self.detail, self.facts))


def _rebuild(kind: type[PostcardError], detail: str, facts: dict[str, Any]) -> PostcardError:
    return kind(detail, **facts)


class Rejected(PostcardError):
    """The caller can mend it."""

    log_level = "info"


class Unavailable(PostcardError):
    """Somebody else's fault; trying again may help."""

    retry = True
    log_level = "warning"


class Broken(PostcardError):
    """Ours to mend."""

    alarm = True


class InvalidRequest(Rejected):
    """A field is missing or wrong; ``errors`` lists ``{"field", "message"}``."""

    slug, title = "invalid-request", "The request is not valid"
    remedy = "Mend what is named and send it again."


class NotSignedIn(Rejected):
    """No user and no token."""

    slug, title = "not-signed-in", "Sign in, or send a token"
    remedy = "Send `Authorization: Bearer TOKEN` (`postcard token create NAME`), or sign in on the page."


class SignInFailed(Rejected):
    """Wrong name, password or link."""

    slug, title = "sign-in-failed", "That did not sign you in"
    remedy = "A link works once; `postcard sign-in` (in the folder of Postcard: .venv/bin/postcard sign-in) prints a new one."


class Forbidden(Rejected):
    """Foreign origin, missing CSRF token, or a right that this user lacks."""

    slug, title = "forbidden", "This request is not allowed"
    remedy = "Send the form from Postcard's own page; reload the page if it was open for long."


class NotFound(Rejected):
    """Nothing has this address."""

    slug, title = "not-found", "There is nothing here"
    remedy = "Check the address, and the id in it."


class MethodNotAllowed(Rejected):
    """The address is there, but not for this method; ``allowed``."""

    slug, title = "method-not-allowed", "Not with this method"
    remedy = "Use one of the methods in `allowed`; /docs lists them all."


class BodyUnreadable(Rejected):
    """The request body is not the JSON it should be."""

    slug, title = "body-unreadable", "The request body cannot be read"
    remedy = "Send one JSON object in UTF-8."


class BodyTypeWrong(Rejected):
    """The request body has a Content-Type that is not taken here; ``accepted``."""

    slug, title = "body-type-wrong", "The request body is of the wrong kind"
    remedy = "Set Content-Type to one of `accepted` and send the body as that."


class BodyTooLarge(Rejected):
    """The request body is longer than is read; ``limit_bytes``."""

    slug, title = "body-too-large", "The request is too large"
    remedy = "Split it: for instance into several campaigns."


class TooManyRequests(Rejected):
    """Slow down."""

    slug, title = "too-many-requests", "Too many requests"
    remedy = "Wait as long as `Retry-After` says."


class IdempotencyConflict(Rejected):
    """The same Idempotency-Key came with another body."""

    slug, title = "idempotency-conflict", "This Idempotency-Key was used for something else"
    remedy = "Use a new key for a new request; repeat a request with exactly the same body."


class IdempotencyInProgress(Rejected):
    """The first request with this key has not been answered yet."""

    slug, title = "idempotency-in-progress", "The first request with this key is still at work"
    remedy = "Wait a moment and repeat it."


class WrongState(Rejected):
    """The thing is not in a state for this."""

    slug, title = "wrong-state", "Not possible in this state"
    remedy = "Look at `state` and at what it allows."


class StillHeld(Rejected):
    """A lease or an unfinished campaign keeps the asset."""

    slug, title = "still-held", "The asset is still needed"
    remedy = "End or cancel what `campaigns` names (a draft counts, too), and wait until `held_until` where it is told."


class UploadEmpty(Rejected):
    """No file, or no bytes in it."""

    slug, title = "upload-empty", "The file is empty"
    remedy = "Choose a file with something in it."


class UploadTooLarge(Rejected):
    """Longer than the upload limit; ``limit_bytes``."""

    slug, title = "upload-too-large", "The file is too large"
    remedy = "Send a smaller file; the limit is POSTCARD_UPLOAD_MAX_BYTES."


class UploadBroken(Rejected):
    """The body ended early or is not what its Content-Type says."""

    slug, title = "upload-broken", "The upload did not arrive whole"
    remedy = "Send it again as multipart/form-data with one field `file`."


class FetchRefused(Rejected):
    """A URL that we will not or cannot fetch."""

    slug, title = "fetch-refused", "That URL cannot be fetched"
    remedy = "Give a public https URL that answers 200 with the media itself."


class MediaUnsupported(Rejected):
    """The bytes are something that MMS cannot carry; ``found``, ``accepted``."""

    slug, title = "media-unsupported", "This kind of file cannot be sent"
    remedy = "Send one of the accepted kinds."


class MediaDamaged(Rejected):
    """Truncated, or no decoder gets through it."""

    slug, title = "media-damaged", "The file is damaged"
    remedy = "Open it on your machine, save it anew and upload that."


class MediaTooBig(Rejected):
    """More pixels, frames or seconds than is sane."""

    slug, title = "media-too-big", "The picture is too big to open"
    remedy = "Save it with fewer pixels, frames or seconds."


class ContentBlocked(Rejected):
    """These very bytes, or what they would be hosted as, were taken down; ``reason``, ``taken_down_at``."""

    slug, title = "content-blocked", "This was taken down and may not come back"
    remedy = "Send something else. Who took it down, and why, is in the audit that admins see."


class CannotFit(Rejected):
    """Nothing acceptable is short enough; ``limit_bytes``, ``best_bytes``, ``choices`` that would fit, ``plans`` of cuts."""

    slug, title = "cannot-fit", "It does not fit the limit"
    remedy = "Take one of `choices`, a larger profile, or a simpler or shorter piece of media."


class FittingCancelled(Rejected):
    """Somebody stopped it while it was being fitted."""

    slug, title = "fitting-cancelled", "Fitting was cancelled"
    remedy = "Upload the file again to have it fitted after all."


class InvalidRecipients(Rejected):
    """``recipients`` lists every bad one with its reason."""

    slug, title = "invalid-recipients", "Some recipients cannot be sent to"
    quotes = True
    remedy = "Mend or remove these numbers; nothing was created."


class NoSender(Rejected):
    """No sender for the country; ``countries``."""

    slug, title = "no-sender", "No sender for this country"
    remedy = "Set POSTCARD_OPENMARKET_SOURCES for the countries in `countries`, or remove these recipients."


class InvalidMessage(Rejected):
    """Subject, text or part list is not sendable."""

    slug, title = "invalid-message", "The message cannot be sent like this"
    remedy = "Mend that and send it again."


class MessageTooLarge(Rejected):
    """The whole message is over its profile; ``limit_bytes``, ``message_bytes``."""

    slug, title = "message-too-large", "The message is over the limit"
    remedy = "Shorten the text, take out a part, or choose a larger profile."


class LiveLocked(Rejected):
    """The live lock is closed for these numbers; ``recipients``."""

    slug, title = "live-locked", "The live lock is closed"
    remedy = "Put test numbers into POSTCARD_LIVE_ALLOWED_NUMBERS, or open the lock: see docs/settings.md#live."


class StoreUnavailable(Unavailable):
    """The S3 store does not answer, throttles or fails."""

    slug, title = "store-unavailable", "The media store does not answer"
    remedy = "Try again; look at the store if it stays so."


class DatabaseBusy(Unavailable):
    """The database is locked or away."""

    slug, title = "database-busy", "The database does not answer"
    remedy = "Try again; nothing was changed."


class MediaUnreachable(Unavailable):
    """The public URL does not answer as OpenMarket needs it; ``url``, ``checks``."""

    slug, title = "media-unreachable", "The hosted media cannot be fetched"
    remedy = "Fetch the URL yourself; mend POSTCARD_PUBLIC_BASE_URL, the bucket policy or the CDN."


class GatewayUnavailable(Unavailable):
    """No endpoint takes a connection."""

    slug, title = "gateway-unavailable", "OpenMarket cannot be reached"
    remedy = "Nothing was sent. Check the network and POSTCARD_OPENMARKET_ENDPOINTS; resume the campaign."


class DecoderBusy(Unavailable):
    """All confined decoders are at work."""

    slug, title = "decoder-busy", "Too many files at once"
    remedy = "Try again in some seconds."


class DiskFull(Unavailable):
    """No room on this machine, for an upload or for the database."""

    slug, title = "disk-full", "The disk is full"
    remedy = "Make room in the data folder (POSTCARD_DATA_DIR) and try again; nothing was kept."


class SettingsInvalid(Broken):
    """Wrong settings, all of them; ``mistakes``."""

    slug, title = "settings-invalid", "The settings are not valid"
    remedy = "Mend each line; docs/settings.md lists all settings."


class StoreMisconfigured(Broken):
    """Bucket, credentials, rights or lifecycle are wrong."""

    slug, title = "store-misconfigured", "The media store is not set up right"
    remedy = "Run `postcard bucket show` and `postcard bucket apply`."


class CannotStart(Broken):
    """Something on this machine is in the way."""

    slug, title = "cannot-start", "Postcard cannot start"
    remedy = "Mend that and start again."


class RecordsInconsistent(Broken):
    """The database says something that cannot be."""

    slug, title = "records-inconsistent", "The records do not fit together"
    remedy = "Report this with the request id."


class Defect(Broken):
    """A bug: none of the errors above."""

    slug, title = "defect", "Something in Postcard broke"
    remedy = "Try again; if it stays so, report it with the request id."
