"""What every S3 server of the tests is to its clients."""

from dataclasses import dataclass
from typing import Protocol

from app import settings
from app.host.s3 import S3Store


@dataclass(frozen=True)
class S3Server:
    """A running S3 server: where it is, and the keys of its user."""

    name: str
    endpoint_url: str
    access_key: str
    secret_key: str


class HasKeys(Protocol):
    """Whatever holds the keys of a user: the embedded store, or an :class:`S3Server`."""

    @property
    def access_key(self) -> str:
        """The access key."""

    @property
    def secret_key(self) -> str:
        """The secret."""


def make_store(server: HasKeys, s3: settings.S3) -> S3Store:
    """A store on ``server`` with its credentials."""
    return S3Store(s3, public_base_url="", access_key=server.access_key, secret_key=server.secret_key)
