"""What the errors of S3 and boto3 mean: the whole table, and what a newer boto3 might add to it."""

import inspect
from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from app.errors import NotFound, PostcardError, StoreMisconfigured, StoreUnavailable
from app.host.answers import CODES, asking, meaning_of, tolerating, translate


def _answer(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SlowDown", 503, StoreUnavailable),
        ("Throttling", 400, StoreUnavailable),
        ("RequestTimeout", 400, StoreUnavailable),
        ("InternalError", 500, StoreUnavailable),
        ("ServiceUnavailable", 503, StoreUnavailable),
        ("BadDigest", 400, StoreUnavailable),
        ("RequestTimeTooSkewed", 403, StoreMisconfigured),
        ("ExpiredToken", 400, StoreMisconfigured),
        ("InvalidAccessKeyId", 403, StoreMisconfigured),
        ("AccessDenied", 403, StoreMisconfigured),
        ("NoSuchBucket", 404, StoreMisconfigured),
        ("PermanentRedirect", 301, StoreMisconfigured),
        ("NoSuchKey", 404, NotFound),
        ("404", 404, NotFound),
        ("403", 403, StoreMisconfigured),
        # Codes that nobody has heard of are judged by their status.
        ("BrandNew", 500, StoreUnavailable),
        ("BrandNew", 429, StoreUnavailable),
        ("BrandNew", 403, StoreMisconfigured),
        ("BrandNew", 400, StoreMisconfigured),
        ("", 502, StoreUnavailable),
    ],
)
def test_each_answer_of_a_store_has_one_meaning(code: str, status: int, kind: type[PostcardError]) -> None:
    told = translate(_answer(code, status), "put", key="m/x")
    assert type(told) is kind
    assert told.facts == {"operation": "put", "code": code, "key": "m/x"}
    assert "secret" not in told.detail


def test_every_sentence_of_the_table_is_one_for_a_person() -> None:
    for _, sentence in CODES.values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (boto.ConnectTimeoutError(endpoint_url="x"), StoreUnavailable),
        (boto.ReadTimeoutError(endpoint_url="x"), StoreUnavailable),
        (boto.EndpointConnectionError(endpoint_url="x"), StoreUnavailable),
        (boto.ConnectionClosedError(endpoint_url="x"), StoreUnavailable),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), StoreUnavailable),
        (boto.SSLError(endpoint_url="x", error=OSError("y")), StoreMisconfigured),
        (boto.NoCredentialsError(), StoreMisconfigured),
        (boto.PartialCredentialsError(provider="x", cred_var="y"), StoreMisconfigured),
        (boto.ParamValidationError(report="x"), StoreMisconfigured),
    ],
)
def test_each_way_of_getting_no_answer_has_one_meaning(error: BotoCoreError, kind: type[PostcardError]) -> None:
    assert meaning_of(error)[0] is kind


def test_boto3_has_not_gained_a_way_to_lose_a_connection() -> None:
    known = {
        "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError", "EndpointConnectionError",
        "HTTPClientError", "ProxyConnectionError", "ReadTimeoutError", "ResponseStreamingError", "SSLError",
    }  # fmt: skip
    lost = (boto.HTTPClientError, boto.ConnectionError)
    found = {name for name, kind in inspect.getmembers(boto, inspect.isclass) if issubclass(kind, lost)}
    assert found == known, "look at the new ones and put them into NO_ANSWER"


def test_what_is_tolerated_ends_there_and_the_rest_goes_on() -> None:
    with asking("put"), tolerating("PreconditionFailed"):
        raise _answer("PreconditionFailed", 412)
    with pytest.raises(StoreUnavailable), asking("put"), tolerating("PreconditionFailed"):
        raise _answer("SlowDown", 503)
