"""Each server is asked what it does, clause by clause; differences.py has what is known."""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from app import settings
from tests.contract.conftest import SERVERS
from tests.contract.differences import CANNOT, CLAUSES, MAY_FAIL
from tests.servers.stores import S3Server, make_store

BYTES = b"these very bytes"
OTHER = b64encode(hashlib.sha256(b"other bytes").digest()).decode()
OWN = b64encode(hashlib.sha256(BYTES).digest()).decode()


class Asked:
    """A key of its own on one server, and requests to it."""

    def __init__(self, server: S3Server, prefix: str) -> None:
        self.server = server
        self.client: Any = make_store(server, settings.S3(endpoint_url=server.endpoint_url)).client
        self.at = {"Bucket": "media", "Key": f"{prefix}{secrets.token_hex(8)}"}

    def put(self, **headers: str) -> Any:
        return self.client.put_object(**self.at, Body=BYTES, **headers)

    def copy(self, **headers: str) -> Any:
        return self.client.copy_object(**self.at, CopySource=self.at, **headers)

    def begin(self) -> dict[str, str]:
        begun = self.client.create_multipart_upload(**self.at, ChecksumAlgorithm="SHA256")
        return {**self.at, "UploadId": begun["UploadId"]}

    def part(self, upload: dict[str, str], checksum: str) -> Any:
        return self.client.upload_part(**upload, PartNumber=1, Body=BYTES, ChecksumSHA256=checksum)

    def anybody(self, path: str) -> str:
        return str(urllib3.request("GET", f"{self.server.endpoint_url}/media{path}", redirect=False).status)


def _completed_onto_a_taken_key(asked: Asked) -> Any:
    asked.put()
    upload = asked.begin()
    part = {"PartNumber": 1, "ETag": asked.part(upload, OWN)["ETag"], "ChecksumSHA256": OWN}
    return asked.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfNoneMatch="*")


def _told(answer: Any, name: str) -> str:
    return "told" if answer.get(name) else "not told"


def _after_a_put(asked: Asked, then: Callable[[], Any]) -> Any:
    asked.put(ChecksumSHA256=OWN)
    return then()


def _head(asked: Asked) -> Any:
    return asked.client.head_object(**asked.at, ChecksumMode="ENABLED")


def _blocked(asked: Asked) -> Any:
    """Block public access to a bucket of its own."""
    bucket = f"blocked-{secrets.token_hex(4)}"
    asked.client.create_bucket(Bucket=bucket)
    asked.at["Bucket"] = bucket
    setting = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    asked.client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=setting)
    found = asked.client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return "kept" if found == setting else str(found)


def _put_while_blocked(asked: Asked) -> Any:
    _blocked(asked)
    return asked.put()


def _wrong_secret(asked: Asked) -> Any:
    stranger = S3Server("", asked.server.endpoint_url, asked.server.access_key, secret_key="wrong")
    return Asked(stranger, "m/").client.list_objects_v2(Bucket="media", MaxKeys=1)


PROBES: dict[str, Callable[[Asked], Any]] = {
    "a put with the SHA-256 of other bytes": lambda asked: asked.put(ChecksumSHA256=OTHER),
    "the SHA-256 in the answer to a put": lambda asked: _told(asked.put(ChecksumSHA256=OWN), "ChecksumSHA256"),
    "the SHA-256 in the answer to a HEAD": lambda asked: _after_a_put(
        asked, lambda: _told(_head(asked), "ChecksumSHA256")
    ),
    "a part with the SHA-256 of other bytes": lambda asked: asked.part(asked.begin(), OTHER),
    "a put onto a key that is taken": lambda asked: _after_a_put(asked, lambda: asked.put(IfNoneMatch="*")),
    "a multipart upload completed onto a key that is taken": _completed_onto_a_taken_key,
    "a copy onto itself without REPLACE": lambda asked: _after_a_put(asked, asked.copy),
    "a copy on the condition of another ETag": lambda asked: _after_a_put(
        asked, lambda: asked.copy(CopySourceIfMatch='"0"', MetadataDirective="REPLACE")
    ),
    "x-amz-expiration": lambda asked: _after_a_put(asked, lambda: _told(_head(asked), "Expiration")),
    "the block on public access": _blocked,
    "a put while public access is blocked": _put_while_blocked,
    "a missing key, asked for by anybody": lambda asked: asked.anybody("/m/missing"),
    "the list of the bucket, asked for by anybody": lambda asked: asked.anybody("?list-type=2"),
    "a wrong secret": _wrong_secret,
}


def _outcome(probe: Callable[[Asked], Any], asked: Asked) -> str:
    try:
        answer = probe(asked)
    except ClientError as error:
        return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"
    return answer if isinstance(answer, str) else str(answer["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_server_does_what_is_known_of_it(server: S3Server, own_section: settings.S3, clause: str) -> None:
    known = CLAUSES[clause]
    asked = Asked(server, own_section.media_prefix)
    assert _outcome(PROBES[clause], asked) == known.others.get(server.name, known.aws)


def test_every_clause_is_asked_and_every_server_is_one_of_ours() -> None:
    assert set(PROBES) == set(CLAUSES)
    assert {server for clause in CLAUSES.values() for server in clause.others} <= set(SERVERS)


def test_the_real_servers_keep_the_whole_contract() -> None:
    # moto alone is let off, which is why it proves nothing.
    assert all("[moto" in name for name in (*CANNOT, *MAY_FAIL))
