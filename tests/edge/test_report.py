"""The quality report: the API and the page tell what the fitter said, figure by figure, for each kind of media."""

import html
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.edge.pages.words import show_bytes
from app.model.media import Facts, Fitted
from app.records.objects import get_rendition
from tests.edge.conftest import Browser
from tests.edge.test_assets import PHOTO, SMALL, send
from tests.media.clips import clip, sound
from tests.media.fitting import UNIVERSAL, fit, probe
from tests.media.pictures import animation, drawing_that_moves, pan

_CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:M\xfcller;Zo\xeb\r\nFN:Zo\xeb M\xfcller\r\nEND:VCARD\r\n"
_WHOLE_CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jane\r\nFN:Jane Doe\r\nEND:VCARD\r\n"
_MADE = {
    "photo.jpg": PHOTO,
    "small.jpg": SMALL,
    "moving.gif": animation(list(pan(480, 360, 12))),
    "small.gif": animation(drawing_that_moves(60, 4), loop=0),
    "clip.mp4": clip("clip.mp4", 4, size="320x180"),
    "sound.wav": sound("sound.wav", 4),
    "phone.amr": sound("phone.amr", 2),
    "card.vcf": _CARD,
    "whole.vcf": _WHOLE_CARD,
}
# What each fitter measures, or why it measures none.
_SSIM = {
    "photo.jpg": "luma, of a sixteenth of the rows, against the upright original scaled to the same pixels",
    "small.jpg": "none: no pixel was encoded anew",
    "moving.gif": "luma, mean of some frames, against what the original shows at that time, scaled to the same pixels",
    "small.gif": "none: no pixel was encoded anew",
    "clip.mp4": "luma, mean of the frames, against the original scaled to the same pixels and rate",
    "sound.wav": "none: it compares pictures",
    "phone.amr": "none: it compares pictures",
    "card.vcf": "none: it compares pictures",
    "whole.vcf": "none: it compares pictures",
}


def _fps(frames: int, seconds: float, width: int) -> float:
    return round(frames / seconds, 2) if seconds and width else 0.0


def _told(facts: Facts, fitted: Fitted, name: str) -> dict[str, Any]:
    """Give what the API has to tell of a fitting, but for its time."""
    quality = asdict(fitted.quality)
    del quality["milliseconds"]
    return {
        "content_type": fitted.content_type, "bytes": fitted.bytes, "width": fitted.width, "height": fitted.height,
        "sha256": fitted.sha256, "untouched": fitted.untouched, "given_up": list(fitted.given_up),
        "budget_bytes": UNIVERSAL.max_bytes, "side_pixels": UNIVERSAL.side_pixels,
        "original": {
            "content_type": facts.content_type, "bytes": facts.bytes, "width": facts.width, "height": facts.height,
            "frames": facts.frames, "seconds": facts.seconds,
        },
        "quality": {
            **quality, "setting": "best", "ssim_against": _SSIM[name],
            "fps_in": _fps(facts.frames, facts.seconds, facts.width),
            "fps_out": _fps(fitted.quality.frames_out, fitted.quality.seconds, fitted.width),
        },
    }  # fmt: skip


@pytest.mark.parametrize("name", list(_MADE))
def test_the_api_tells_every_figure_of_the_fitter(api: FlaskClient, web: Postcard, tmp_path: Path, name: str) -> None:
    (told,) = send(api, _MADE[name], name).get_json()["renditions"]
    fitted, facts = fit(tmp_path, _MADE[name]), probe(tmp_path, _MADE[name])
    with web.database.read() as connection:
        kept = get_rendition(connection, told["id"])
    assert told["quality"].pop("milliseconds") == kept.quality.milliseconds > 0
    expected = _told(facts, fitted, name)
    assert {field: told[field] for field in expected} == expected


def _rows(page: str) -> dict[str, str]:
    """Read the list of figures: each term with what is said of it."""
    plain = re.compile(r"<[^>]+>")
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {term: " ".join(html.unescape(plain.sub(" ", said)).replace("\xa0", " ").split()) for term, said in found}


def _expected_rows(told: dict[str, Any]) -> dict[str, str]:
    """Say in the words of the page what the API tells; a row that does not apply is not there."""
    original, quality = told["original"], told["quality"]
    share = f"{100 * told['bytes'] / told['budget_bytes']:.1f} % of its {show_bytes(told['budget_bytes'])}"
    ssim = "" if quality["ssim"] is None else f"{quality['ssim']:.4f} "
    encodes = quality["encodes"]
    done = f"{encodes} encode{'' if encodes == 1 else 's'}" if encodes else "nothing was encoded anew"
    written = done if encodes or told["untouched"] or told["width"] else "written anew"
    whole = "nothing: byte for byte what came" if told["untouched"] else "; ".join(told["given_up"])
    is_gif = told["content_type"] == "image/gif"
    loss = {"Loss": f"{quality['encoder_quality']} on gifsicle's scale, where 0 is none"}
    scale = {"Quality": f"{quality['encoder_quality']} on the encoder's scale"}
    rates = f", {quality['fps_in']:.3g} \u2192 {quality['fps_out']:.3g} a second" if quality["fps_out"] else ""
    return {
        "Bytes": f"{show_bytes(original['bytes'])} \u2192 {show_bytes(told['bytes'])} , {share}",
        **({"Pixels": f"{original['width']} \u00d7 {original['height']} \u2192 {told['width']} \u00d7 {told['height']}"}
           if told["width"] else {}),
        "Format": f"{original['content_type']} \u2192 {told['content_type']} {quality['encoder']}".strip(),
        **((loss if is_gif else scale) if quality["encoder_quality"] else {}),
        "SSIM": f"{ssim}{quality['ssim_against']}",
        **({"Frames": f"{quality['frames_in']} \u2192 {quality['frames_out']} {rates}"}
           if quality["frames_in"] > 1 else {}),
        **({"Length": f"{original['seconds']:.1f} s \u2192 {quality['seconds']:.1f} s"} if quality["seconds"] else {}),
        **({"Colours": str(quality["colors"])} if quality["colors"] else {}),
        "Work": f"{written}, {quality['milliseconds']:,} ms",
        "Given up": whole or "nothing",
    }  # fmt: skip


_ROWS = {
    "photo.jpg": {"Bytes", "Pixels", "Format", "Quality", "SSIM", "Work", "Given up"},
    "small.jpg": {"Bytes", "Pixels", "Format", "SSIM", "Work", "Given up"},
    "moving.gif": {"Bytes", "Pixels", "Format", "SSIM", "Frames", "Length", "Colours", "Work", "Given up"},
    "small.gif": {"Bytes", "Pixels", "Format", "SSIM", "Frames", "Length", "Work", "Given up"},
    "clip.mp4": {"Bytes", "Pixels", "Format", "SSIM", "Frames", "Length", "Work", "Given up"},
    "sound.wav": {"Bytes", "Format", "SSIM", "Length", "Work", "Given up"},
    "phone.amr": {"Bytes", "Format", "SSIM", "Length", "Work", "Given up"},
    "card.vcf": {"Bytes", "Format", "SSIM", "Work", "Given up"},
    "whole.vcf": {"Bytes", "Format", "SSIM", "Work", "Given up"},
}


@pytest.mark.parametrize("name", list(_MADE))
def test_the_page_shows_every_figure_that_applies(api: FlaskClient, browser: Browser, name: str) -> None:
    asset = send(api, _MADE[name], name).get_json()
    (told,) = asset["renditions"]
    address = f"/app/renditions/{told['id']}/report"
    assert f'data-report="{address}"' in browser.client.get(f"/app/library/{asset['id']}/card").text
    page = browser.client.get(address).text
    rows = _rows(page)
    assert set(rows) == _ROWS[name]
    assert rows == _expected_rows(told)
    if asset["kind"] == "audio":
        assert f'<audio src="{told["url"]}" controls preload="none" aria-label="{name} as it is sent">' in page
    assert ("few browsers play it" in page) == (name == "phone.amr")
