"""The bucket as it should be, from one JSON file and the settings: bring it there, or tell what differs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from app import settings
from app.errors import NotFound
from app.host.answers import asking, tolerating

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RIGHTS_TO_COMPARE = (
    "s3:GetBucketCORS",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketVersioning",
)
"""What :func:`show_bucket` needs beside the rights of the store, on the bucket."""


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """What the bucket should be.

    Attributes:
        s3: bucket, region and prefixes.
        lifecycle_days: days after the last write at which renditions go.
        originals_days: the same for uploads; 0 = never.
        public: everybody may read the media prefix; False = nothing is public, a CDN reads (the default on AWS).
        origins: web origins that may upload directly, such as ``https://postcard.example``.
    """

    s3: settings.S3
    lifecycle_days: int
    originals_days: int
    public: bool
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Aspect:
    name: str
    wanted: Any
    read: Callable[[], Any]
    write: Callable[[], object]


def apply_bucket(client: "S3Client", plan: BucketPlan) -> list[str]:
    """Make the bucket what ``plan`` says; doing it again changes nothing.

    Args:
        client: with the rights of :func:`show_bucket`, s3:CreateBucket, s3:PutBucketPolicy, s3:DeleteBucketPolicy,
            s3:PutLifecycleConfiguration, s3:PutBucketCORS, s3:PutBucketVersioning and s3:PutBucketPublicAccessBlock.
        plan: what it should be.

    Returns:
        what was changed, one sentence each; empty when all was as it should be.

    Raises:
        StoreUnavailable: try again.
        StoreMisconfigured: rights, credentials or the bucket's name.
    """
    changed = []
    if not _exists(client, plan.s3.bucket):
        _create(client, plan.s3)
        changed.append(f"Created the bucket {plan.s3.bucket}.")
    for aspect in _aspects(client, plan):
        with asking("bucket"):
            if aspect.read() != aspect.wanted:
                aspect.write()
                changed.append(f"Set the {aspect.name}.")
    return changed


def show_bucket(client: "S3Client", plan: BucketPlan) -> list[str]:
    """Compare the bucket with ``plan`` and change nothing.

    Args:
        client: with ``S3Store.RIGHTS_ON_BUCKET`` and ``RIGHTS_TO_COMPARE``; ``S3Store.client`` will do.
        plan: what it should be.

    Returns:
        the differences, one sentence each; empty when all is as it should be.

    Raises:
        StoreUnavailable: try again.
        StoreMisconfigured: rights or credentials.
    """
    if not _exists(client, plan.s3.bucket):
        return [f"There is no bucket {plan.s3.bucket}."]
    differences = []
    for aspect in _aspects(client, plan):
        with asking("bucket"):
            found = aspect.read()
        if found != aspect.wanted:
            told, expected = (json.dumps(each, sort_keys=True) for each in (found, aspect.wanted))
            differences.append(f"The {aspect.name}: is {told}, should be {expected}.")
    return differences


def lifecycle_rules(plan: BucketPlan) -> list[dict[str, Any]]:
    """Fill the one JSON file with the plan's figures, as PutBucketLifecycleConfiguration takes it."""
    values = {
        "${MediaPrefix}": plan.s3.media_prefix,
        "${OriginalsPrefix}": plan.s3.originals_prefix,
        "${LifecycleDays}": plan.lifecycle_days,
        "${OriginalsDays}": plan.originals_days,
    }
    template = json.loads(files("app.host").joinpath("lifecycle.json").read_text())
    rules: list[dict[str, Any]] = _filled(template, values)["Rules"]
    return [rule for rule in rules if plan.originals_days or rule["ID"] != "originals"]


def public_policy(plan: BucketPlan) -> dict[str, Any]:
    """Write the policy that lets everybody read the media prefix, and nothing else."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EverybodyReadsMedia",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{plan.s3.bucket}/{plan.s3.media_prefix}*",
            }
        ],
    }


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, dict):
        return {name: _filled(each, values) for name, each in template.items()}
    if isinstance(template, list):
        return [_filled(each, values) for each in template]
    return values.get(template, template) if isinstance(template, str) else template


def _exists(client: "S3Client", bucket: str) -> bool:
    try:
        with asking("bucket"):
            client.head_bucket(Bucket=bucket)
    except NotFound:
        return False
    return True


def _create(client: "S3Client", s3: settings.S3) -> None:
    # AWS refuses us-east-1 as a location constraint: there it must not be named.
    where: Any = {} if s3.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": s3.region}}
    with asking("bucket"), tolerating("BucketAlreadyOwnedByYou"):
        client.create_bucket(Bucket=s3.bucket, **where)


def _aspects(client: "S3Client", plan: BucketPlan) -> list[_Aspect]:
    """List what must be so, in the order in which it must be written: AWS refuses a public policy while it is blocked."""
    bucket = plan.s3.bucket
    rules: Any = lifecycle_rules(plan)
    cors: Any = _cors(plan.origins)
    return [
        _Aspect(
            "block on public access",
            _wanted_block(client, plan),
            lambda: _read_block(client, bucket),
            lambda: _write_block(client, bucket, blocked=not plan.public),
        ),
        _Aspect(
            "right of everybody to read media",
            plan.public,
            lambda: _reads_publicly(_read_policy(client, bucket), plan),
            lambda: _write_policy(client, plan),
        ),
        _Aspect(
            "keeping of old versions, which would outlast a deletion",
            False,
            lambda: client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled",
            lambda: client.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}, ChecksumAlgorithm="SHA256"
            ),
        ),
        _Aspect(
            "lifecycle rules",
            _plain_rules(rules),
            lambda: _plain_rules(_read_rules(client, bucket)),
            lambda: client.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": rules}, ChecksumAlgorithm="SHA256"
            ),
        ),
        _Aspect(
            "rules for uploads from the page (CORS)",
            _plain_cors(cors),
            lambda: _plain_cors(_read_cors(client, bucket)),
            lambda: _write_cors(client, bucket, cors),
        ),
    ]


def _read_block(client: "S3Client", bucket: str) -> bool | None:
    """Tell whether public access is blocked altogether; None = the store knows no such block (SeaweedFS)."""
    found: Mapping[str, Any] = {}
    with tolerating("NoSuchPublicAccessBlockConfiguration"):
        try:
            found = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        except client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 501:
                return None
            raise
    return bool(found) and all(found.values())


def _wanted_block(client: "S3Client", plan: BucketPlan) -> bool | None:
    with asking("bucket"):
        return None if _read_block(client, plan.s3.bucket) is None else not plan.public


def _write_block(client: "S3Client", bucket: str, *, blocked: bool) -> None:
    client.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": blocked,
            "RestrictPublicBuckets": blocked,
        },
    )


def _read_policy(client: "S3Client", bucket: str) -> dict[str, Any]:
    with tolerating("NoSuchBucketPolicy"):
        return dict(json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"]))
    return {}


def _reads_publicly(policy: Mapping[str, Any], plan: BucketPlan) -> bool:
    """Tell whether the very statement of :func:`public_policy` is among those of ``policy``."""
    ours = _plain_statement(public_policy(plan)["Statement"][0])
    return ours in [_plain_statement(each) for each in policy.get("Statement", [])]


def _plain_statement(statement: Mapping[str, Any]) -> tuple[Any, ...]:
    def plain(value: Any) -> Any:
        value = value.get("AWS", value) if isinstance(value, dict) else value
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    return tuple(plain(statement.get(name)) for name in ("Effect", "Principal", "Action", "Resource"))


def _write_policy(client: "S3Client", plan: BucketPlan) -> None:
    """Add or take away our statement; those of others, such as a CDN's, stay."""
    policy = _read_policy(client, plan.s3.bucket)
    ours = public_policy(plan)["Statement"][0]
    others = [each for each in policy.get("Statement", []) if _plain_statement(each) != _plain_statement(ours)]
    statements = [*others, ours] if plan.public else others
    if statements:
        written = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client.put_bucket_policy(Bucket=plan.s3.bucket, Policy=written)
    else:
        client.delete_bucket_policy(Bucket=plan.s3.bucket)


def _read_rules(client: "S3Client", bucket: str) -> list[Any]:
    with tolerating("NoSuchLifecycleConfiguration"):
        return list(client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])
    return []


def _plain_rules(rules: list[Any]) -> dict[str, Any]:
    """Bring rules into one shape: stores move the prefix about and add empty fields."""
    return {
        rule.get("ID", ""): {
            "enabled": rule["Status"] == "Enabled",
            "prefix": rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")),
            "narrowed": sorted(
                set(rule.get("Filter", {})) & {"And", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"}
            ),
            "days": rule.get("Expiration", {}).get("Days"),
            "dated": bool(rule.get("Expiration", {}).get("Date")),
            "abort_days": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        }
        for rule in rules
    }


def _cors(origins: tuple[str, ...]) -> list[dict[str, Any]]:
    if not origins:
        return []
    return [
        {
            "AllowedOrigins": list(origins),
            "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "x-amz-checksum-sha256"],
            "MaxAgeSeconds": 3600,
        }
    ]


def _read_cors(client: "S3Client", bucket: str) -> list[Any]:
    with tolerating("NoSuchCORSConfiguration"):
        return list(client.get_bucket_cors(Bucket=bucket)["CORSRules"])
    return []


def _plain_cors(rules: list[Any]) -> list[dict[str, Any]]:
    names = ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders", "MaxAgeSeconds")
    return [{name: rule.get(name) for name in names} for rule in rules]


def _write_cors(client: "S3Client", bucket: str, rules: Any) -> None:
    if rules:
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules}, ChecksumAlgorithm="SHA256")
    else:
        client.delete_bucket_cors(Bucket=bucket)
