"""What each S3 server does otherwise than AWS, as data: test_differences.py asks each server and compares.

A difference that goes away, or a new one, fails a test. Where the adapter makes up for one, it says how; where it cannot,
``CANNOT`` names the tests of the contract that fail there, which is expected strictly, ``MAY_FAIL`` those that fail by chance.
AWS is by its documentation: nothing here has been asked of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clause:
    """One thing that AWS does, what it answers, and who answers otherwise.

    Attributes:
        aws: what the probe of test_differences.py finds on AWS.
        others: what it finds elsewhere, by server.
        ours: what Postcard does about it.
    """

    aws: str
    others: dict[str, str]
    ours: str


CLAUSES: dict[str, Clause] = {
    "a put with the SHA-256 of other bytes": Clause(
        "400 BadDigest",
        {"seaweed": "400 BadDigest", "ceph": "200", "moto": "200"},
        "reads back and hashes what a store without checksums kept, and removes it if it is not what was put",
    ),
    "the SHA-256 in the answer to a put": Clause(
        "told", {"ceph": "not told", "moto": "not told"}, "looks with a HEAD, and where that tells none, with a GET"
    ),
    "the SHA-256 in the answer to a HEAD": Clause(
        "told", {"ceph": "not told", "moto": "not told"}, "reads back before a renewal, too"
    ),
    "a part with the SHA-256 of other bytes": Clause(
        "400 BadDigest", {"ceph": "200", "moto": "200"}, "reads back the whole, as above"
    ),
    "a put onto a key that is taken": Clause("412 PreconditionFailed", {}, "relies on it"),
    "a multipart upload completed onto a key that is taken": Clause(
        "412 PreconditionFailed",
        {"ceph": "200"},
        "no harm: the bytes are the same, the later writer's clock counts",
    ),
    "a copy onto itself without REPLACE": Clause("400 InvalidRequest", {}, "says REPLACE"),
    "a copy on the condition of another ETag": Clause(
        "412 PreconditionFailed",
        {"ceph": "200", "moto": "200"},
        "relies on it where nothing else keeps a takedown and a renewal apart; the row of the object does",
    ),
    "x-amz-expiration": Clause("told", {"seaweed": "not told", "moto": "not told"}, "reckons by the bucket's rules"),
    "the block on public access": Clause("kept", {"seaweed": "501 NotImplemented"}, "is not asked of such a store"),
    "a put while public access is blocked": Clause(
        "200",
        {"seaweed": "501 NotImplemented", "ceph": "403 AccessDenied"},
        "docs/infra.md: a private bucket on Ceph 16 must do without the block",
    ),
    "a missing key, asked for by anybody": Clause(
        "403", {"seaweed": "404", "moto": "404"}, "takes either for unreachable"
    ),
    "the list of the bucket, asked for by anybody": Clause("403", {"moto": "200"}, "names moto no proof"),
    "a wrong secret": Clause("403 SignatureDoesNotMatch", {"moto": "200"}, "names moto no proof"),
}

_MOTO_PARTS = "moto keeps a multipart object's checksum as if it were of the whole"
_MOTO_COPY = "moto keeps no checksum of a put, but one of a copy"

CANNOT: dict[str, str] = {
    "test_wrong_credentials_are_a_matter_of_settings[moto]": "moto looks at no signature",
    "test_a_presumed_public_listing_is_refused[moto]": "moto lists a bucket for anybody",
    "test_eight_processes_that_race_make_one_object[moto-original-40000000]": _MOTO_PARTS,
    "test_a_long_original_goes_in_parts_and_comes_back_whole[moto]": _MOTO_PARTS,
    "test_renewal_restarts_the_clock_and_changes_nothing_else[moto-media-290000]": _MOTO_COPY,
    "test_renewal_restarts_the_clock_and_changes_nothing_else[moto-original-40000000]": _MOTO_PARTS,
}
"""Tests of the contract that cannot hold on a server, with the reason; strictly expected to fail."""

MAY_FAIL: dict[str, str] = {
    "test_renewals_at_the_same_time_all_succeed[moto]": "moto answers 500 to one of two copies of a key at once, at times",
}
"""Tests that fail on a server by chance, with the reason: neither outcome says anything."""
