"""How boto3 is set up: one client a process (making one costs about 150 ms), shared by all threads."""

from typing import TYPE_CHECKING, Literal

from app import settings

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client


def make_client(s3: settings.S3, *, access_key: str = "", secret_key: str = "") -> "S3Client":
    """Make a thread-safe client with our time-outs and retries instead of boto3's (60 s, 5 tries, no jitter).

    Args:
        s3: endpoint, region, time-outs; "standard" retries cover throttling, 5xx and broken connections, with jitter.
        access_key: explicit credentials, for the embedded store; empty = as boto3 finds them.
        secret_key: goes with ``access_key``.
    """
    # boto3 takes 0.2 s to import: commands that need no store should not wait for it.
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint_url or None,
        region_name=s3.region,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        config=client_config(s3),
    )


def client_config(s3: settings.S3) -> "Config":
    """Make boto3's configuration: our time-outs and retries, nothing computed for nothing."""
    from botocore.config import Config

    return Config(
        connect_timeout=s3.connect_seconds,
        read_timeout=s3.read_seconds,
        retries={"mode": "standard", "total_max_attempts": s3.attempts},
        max_pool_connections=32,
        tcp_keepalive=True,
        signature_version="s3v4",
        # Our SHA-256 travels with each object; boto3's own CRC would be computed for nothing.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": _addressing_style(s3), "us_east_1_regional_endpoint": "regional"},
    )


def _addressing_style(s3: settings.S3) -> Literal["auto", "path", "virtual"]:
    """Choose where the bucket's name stands: in the host on AWS, in the path elsewhere (it would need DNS).

    "auto" would sign links for the global host, which leads to the bucket's own by a redirect that OpenMarket must not see.
    A name with a dot matches no certificate.
    """
    if s3.endpoint_url:
        return "path"
    return "auto" if "." in s3.bucket else "virtual"


def has_temporary_credentials() -> bool:
    """Tell whether what boto3 finds comes with a session token, which ends by itself."""
    import boto3

    found = boto3.session.Session().get_credentials()
    return found is not None and bool(found.token)


def bucket_url(s3: settings.S3) -> str:
    """Tell the address of the bucket itself, without a slash at the end."""
    if s3.endpoint_url:
        return f"{s3.endpoint_url.rstrip('/')}/{s3.bucket}"
    return f"https://{s3.bucket}.s3.{s3.region}.amazonaws.com"
