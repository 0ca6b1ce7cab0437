"""The CDN in front of the bucket: have it forget what was deleted. Its errors are boto3's; the caller translates them."""

from collections.abc import Sequence
from uuid import uuid4

from app import settings
from app.host.client import client_config


def invalidate(
    s3: settings.S3, distribution_id: str, keys: Sequence[str], *, credentials: tuple[str, str] = ("", "")
) -> None:
    """Ask CloudFront to forget ``keys``. Rare, so a client is made for it.

    Args:
        s3: time-outs and tries.
        distribution_id: such as E2EXAMPLE.
        keys: as in the bucket; CloudFront takes 3,000 at a time.
        credentials: access key and secret; empty = as boto3 finds them.
    """
    import boto3
    from botocore.config import Config

    access_key, secret_key = credentials
    client = boto3.client(
        "cloudfront",
        region_name=s3.region,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        config=client_config(s3).merge(Config(signature_version="v4")),
    )
    for first in range(0, len(keys), 3_000):
        paths = [f"/{key}" for key in keys[first : first + 3_000]]
        client.create_invalidation(
            DistributionId=distribution_id,
            InvalidationBatch={"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": str(uuid4())},
        )
