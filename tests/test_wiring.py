"""Defaults that depend on other settings."""

import pytest

from app.host.s3 import S3Store
from app.settings import read_settings
from app.wiring import completed, make_store


@pytest.mark.parametrize(
    ("given", "public"),
    [
        ({}, "https://media.s3.us-east-1.amazonaws.com"),
        ({"POSTCARD_S3_BUCKET": "ours", "POSTCARD_S3_REGION": "eu-west-1"}, "https://ours.s3.eu-west-1.amazonaws.com"),
        ({"POSTCARD_S3_ENDPOINT_URL": "http://127.0.0.1:8333/"}, "http://127.0.0.1:8333/media"),
        ({"POSTCARD_PUBLIC_BASE_URL": "https://media.example/"}, "https://media.example"),
    ],
)
def test_the_public_address_is_that_of_the_bucket_unless_it_is_set(given: dict[str, str], public: str) -> None:
    settings = completed(read_settings(given)[0])
    store: S3Store = make_store(settings)
    assert settings.public.base_url == public
    assert store.url_of("m/x.jpg") == f"{public}/m/x.jpg"
