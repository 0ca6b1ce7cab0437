"""How boto3 is set up, and the addresses that follow from the settings."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.host.client import bucket_url, make_client
from app.host.s3 import S3Store
from app.settings import S3

KEY = f"m/{'0' * 64}.jpg"


def test_limits_and_retries_are_those_of_the_settings() -> None:
    section = S3(endpoint_url="http://127.0.0.1:1", connect_seconds=1.5, read_seconds=7, attempts=4)
    config: Any = make_client(section, access_key="a", secret_key="b").meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.5, 7)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}


@pytest.mark.parametrize(
    ("section", "url"),
    [
        (S3(endpoint_url="http://127.0.0.1:9000/"), "http://127.0.0.1:9000/media"),
        (S3(bucket="mine", region="eu-west-1"), "https://mine.s3.eu-west-1.amazonaws.com"),
    ],
)
def test_without_a_public_address_the_bucket_itself_is_it(section: S3, url: str) -> None:
    assert bucket_url(section) == url
    assert S3Store(section, public_base_url="").url_of(KEY) == f"{url}/{KEY}"


@pytest.mark.parametrize("base", ["https://media.example", "https://media.example/"])
def test_a_public_address_is_used_as_given(base: str) -> None:
    assert S3Store(S3(), public_base_url=base).url_of(KEY) == f"https://media.example/{KEY}"


def test_threads_that_start_together_share_one_client() -> None:
    store = S3Store(S3(endpoint_url="http://127.0.0.1:1"), public_base_url="", access_key="a", secret_key="b")
    with ThreadPoolExecutor(8) as threads:
        clients = list(threads.map(lambda _: store.client, range(16)))
    assert len(set(map(id, clients))) == 1
