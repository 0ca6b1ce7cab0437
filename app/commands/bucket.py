"""The bucket as it should be."""

import sys

import click

from app.commands.local import effective_settings, plain_errors
from app.host.bucket import BucketPlan, apply_bucket, show_bucket
from app.send.endpoints import is_loopback
from app.settings import Settings
from app.wiring import make_store


def plan_of(settings: Settings, *, public: bool) -> BucketPlan:
    """Read from the settings what the bucket should be."""
    return BucketPlan(
        s3=settings.s3,
        lifecycle_days=settings.lease.lifecycle_days,
        originals_days=settings.originals.days,
        public=public,
        origins=(settings.web.base_url,),
    )


@click.group()
def bucket() -> None:
    """The bucket: bring it to what it should be, or tell what differs."""


_public = click.option(
    "--public/--private",
    default=None,
    help="Whether everybody may read renditions from the bucket itself, without a CDN. Default: private, but for the "
    "embedded store of `postcard run`.",
)


def is_meant_public(settings: Settings) -> bool:
    """Tell whether the bucket itself is what the world reads: the embedded store on this machine, unless links are signed."""
    return is_loopback(settings.public.base_url) and not settings.public.presign_days


@bucket.command()
@_public
def apply(*, public: bool | None) -> None:
    """Create the bucket and bring policy, lifecycle and CORS to what they should be."""
    with plain_errors():
        settings = effective_settings()
        meant = is_meant_public(settings) if public is None else public
        done = apply_bucket(make_store(settings).client, plan_of(settings, public=meant))
        for line in done or ["The bucket was right already."]:
            click.echo(line)


@bucket.command()
@_public
def show(*, public: bool | None) -> None:
    """Tell what differs from what the bucket should be; exit code 1 if anything does."""
    with plain_errors():
        settings = effective_settings()
        meant = is_meant_public(settings) if public is None else public
        differences = show_bucket(make_store(settings).client, plan_of(settings, public=meant))
        for line in differences or ["The bucket is as it should be."]:
            click.echo(line)
        if differences:
            sys.exit(1)
