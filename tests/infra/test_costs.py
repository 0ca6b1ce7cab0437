"""The cost per million messages in docs/infra.md is reckoned here from infra/aws/prices.csv, and must say the same."""

import csv
import re
from collections.abc import Callable

from tests.infra.conftest import ROOT, TEMPLATES

MESSAGES = 1_000_000
PICTURE_BYTES = 290_000
FETCHES_OF_EACH = 2
HOURS = 730
REQUEST_BYTES, ANSWER_BYTES = 1_500, 500
CACHED_FETCHES = 300
"""If OpenMarket caches: one picture, fetched anew by each of some caches, some times."""
GB = 1e9


def _prices() -> dict[str, float]:
    with (TEMPLATES / "prices.csv").open() as file:
        return {row["name"]: float(row["usd"]) for row in csv.DictReader(file)}


def reckon() -> dict[str, tuple[float, float]]:
    """USD per item: every message fetched twice, and OpenMarket caching."""
    usd = _prices()
    fetches = (MESSAGES * FETCHES_OF_EACH, CACHED_FETCHES)
    # One picture, put once and renewed about once a month; each edge reads it anew when its cache has let it go.
    puts = 2 / 1000 * usd["s3_put"]
    network = usd["nat_hour"] * HOURS + MESSAGES * (REQUEST_BYTES + ANSWER_BYTES) / GB * usd["nat_gb"]
    network += MESSAGES * REQUEST_BYTES / GB * usd["internet_out"]
    address = usd["ipv4_hour"] * HOURS
    return {
        "CloudFront, out": _each(fetches, lambda count: count * PICTURE_BYTES / GB * usd["cloudfront_out"]),
        "CloudFront, requests": _each(fetches, lambda count: count / 10_000 * usd["cloudfront_requests"]),
        "S3 requests": _each((1000, CACHED_FETCHES), lambda count: puts + count / 1000 * usd["s3_get"]),
        "S3 storage, a thousand pictures": (1000 * PICTURE_BYTES / GB * usd["s3_storage"],) * 2,
        "NAT gateway": (network, network),
        "fixed address": (address, address),
    }


def _each(counts: tuple[int, int], cost: Callable[[int], float]) -> tuple[float, float]:
    return cost(counts[0]), cost(counts[1])


def _told() -> dict[str, tuple[str, str]]:
    section = (ROOT / "docs" / "infra.md").read_text().split("## What it costs")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \| +([\d.]+) \| +([\d.]+) \|$", section, re.MULTILINE)
    return {name: (first, second) for name, first, second in rows}


def test_the_figures_of_the_page_are_those_of_the_prices() -> None:
    assert _told() == {name: (f"{first:.2f}", f"{second:.2f}") for name, (first, second) in reckon().items()}


def test_the_sentence_below_the_table_is_right() -> None:
    text = (ROOT / "docs" / "infra.md").read_text()
    hosting = [sum(each) for each in zip(*list(reckon().values())[:4], strict=True)]
    network = sum(each[0] for each in list(reckon().values())[4:])
    assert f"{hosting[0]:.2f} USD at most for hosting" in text
    assert f"{network:.2f} USD a month for the network" in text


def test_every_price_has_a_source_and_says_how_it_is_known() -> None:
    with (TEMPLATES / "prices.csv").open() as file:
        for row in csv.DictReader(file):
            assert row["source"].startswith("https://aws.amazon.com/"), row
            assert "2026" in row["seen"], row
