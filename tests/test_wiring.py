"""Defaults that depend on other settings."""

import pytest

from app.errors import SettingsInvalid
from app.host.s3 import S3Store
from app.settings import read_settings
from app.wiring import completed, make_store, require_consistent


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


def test_a_setting_of_fitting_that_is_none_is_named_with_what_it_may_be() -> None:
    assert read_settings({})[0].fit.setting == "best"
    assert read_settings({"POSTCARD_FIT_SETTING": "fast"})[0].fit.setting == "fast"
    with pytest.raises(SettingsInvalid, match="POSTCARD_FIT_SETTING must be one of best, fast"):
        read_settings({"POSTCARD_FIT_SETTING": "quick"})


_RIGHT = {
    "POSTCARD_SECRET_KEY": "x" * 32,
    "POSTCARD_CALLBACK_SECRET": "x" * 24,
    "POSTCARD_OPENMARKET_SOURCES": "US:88600/config1",
    "POSTCARD_OPENMARKET_ENDPOINTS": "http://127.0.0.1:1/send",
    "POSTCARD_PUBLIC_PRESIGN_DAYS": "7",
}


def test_signed_links_go_with_the_bucket_and_a_lease_that_they_outlast() -> None:
    require_consistent(completed(read_settings(_RIGHT)[0]))


@pytest.mark.parametrize(
    "changes",
    [
        {"POSTCARD_PUBLIC_PRESIGN_DAYS": "4"},
        {"POSTCARD_LEASE_MINIMUM_DAYS": "7"},
        {"POSTCARD_PUBLIC_BASE_URL": "https://media.example"},
        {"POSTCARD_PUBLIC_DISTRIBUTION_ID": "E2EXAMPLE"},
    ],
)
def test_signed_links_that_would_end_too_early_or_lead_elsewhere_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="PRESIGN_DAYS"):
        require_consistent(completed(read_settings({**_RIGHT, **changes})[0]))
