"""What cannot go out as it is names what would fit, and what is chosen is made, sent, restored and told."""

from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.model.media import AssetState
from app.records.assets import get_asset, settle_asset
from tests.edge.conftest import Browser
from tests.edge.test_assets import PHOTO, SMALL, send
from tests.edge.test_campaigns import finished
from tests.media.clips import clip, repeated, sound
from tests.media.pictures import animation, drawing_that_moves, photograph, save
from tests.path import wait_until
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"
GB = "447700900765"


def long_clip() -> bytes:
    """More seconds than universal has room for."""
    return repeated(200)


def slug_of(answer: Any) -> str:
    return str(answer.get_json()["type"].rpartition("#")[2])


def test_a_clip_that_is_too_long_names_what_would_fit_and_goes_out_as_that(
    api: FlaskClient, sandbox: RunningSandbox
) -> None:
    refused = send(api, long_clip(), "long.mp4")
    assert (refused.status_code, slug_of(refused)) == (422, "cannot-fit")
    problem = refused.get_json()
    cut = next(each for each in problem["choices"] if set(each) == {"cut"})
    assert 0 < cut["cut"]["seconds"] < 200
    assert {"as": "first_frame"} in problem["choices"]

    asset = api.get(f"/campaign-assets/{problem['asset_id']}").get_json()
    assert (asset["state"], asset["renditions"]) == ("failed", [])
    assert asset["failure"]["choices"] == problem["choices"]
    assert requests.get(asset["poster_url"], timeout=10).headers["Content-Type"] == "image/jpeg"
    as_it_is = {"parts": [{"asset_id": asset["id"]}], "recipients": [GB]}
    told = api.post("/campaigns", json=as_it_is)
    assert (told.status_code, told.get_json()["choices"]) == (422, problem["choices"])
    assert api.post("/campaigns/preview", json=as_it_is).get_json()["choices"] == problem["choices"]

    made = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"profile": "universal", **cut})
    assert made.status_code == 201
    rendition = made.get_json()
    assert (rendition["as"], rendition["cut"]) == ("auto", cut["cut"])
    assert rendition["bytes"] <= rendition["budget_bytes"]
    assert rendition["quality"]["seconds"] == pytest.approx(cut["cut"]["seconds"], abs=0.5)
    usable = api.get(f"/campaign-assets/{asset['id']}").get_json()
    assert (usable["state"], usable["failure"]["choices"]) == ("ready", problem["choices"])
    # As it is it still cannot go out, and the same upload again says what is there.
    assert api.post("/campaigns", json=as_it_is).status_code == 422
    assert send(api, long_clip(), "long.mp4").status_code == 200

    sent = api.post("/messages", json={"parts": [{"asset_id": asset["id"], **cut}], "to": GB})
    assert sent.status_code == 201
    assert sent.get_json()["parts"] == [{"asset_id": asset["id"], **cut}]
    finished(api, sent.get_json()["id"])
    assert rendition["url"] in str(sandbox.messages(GB)[-1])
    assert api.delete(f"/campaign-assets/{asset['id']}").status_code == 409


def test_a_clip_that_only_a_larger_limit_takes_is_offered_that_with_who_takes_it(
    api: FlaskClient, browser: Browser
) -> None:
    problem = send(api, repeated(120), "longer.mp4").get_json()
    assert 0 < problem["good_seconds"] < problem["fits_seconds"] < 120
    good, longest, larger = problem["choices"][:3]
    assert good == {"cut": {"start": 0.0, "seconds": problem["good_seconds"]}}
    assert longest == {"cut": {"start": 0.0, "seconds": problem["fits_seconds"]}}
    assert larger == {"profile": "large"}
    well, long = problem["plans"]
    assert (well["seconds"], long["seconds"]) == (problem["good_seconds"], problem["fits_seconds"])
    assert well["video_bits_a_second"] > long["video_bits_a_second"] > 0
    assert (well["width"], well["height"], well["fps"], well["as"]) == (160, 90, pytest.approx(10, abs=0.2), "mp4")
    assert all(f"{each['width']} x {each['height']} px" in problem["detail"] for each in problem["plans"])
    assert problem["larger"]["limit_bytes"] == 490_000
    assert "US: AT&T" in problem["larger"]["taken_by"]
    assert "Vodafone UK" not in problem["larger"]["taken_by"]

    asset_id = problem["asset_id"]
    made = api.post(f"/campaign-assets/{asset_id}/renditions", json=larger)
    assert (made.status_code, made.get_json()["profile"], made.get_json()["cut"]) == (201, "large", None)
    assert 285_904 < made.get_json()["bytes"] <= made.get_json()["budget_bytes"] == 485_904
    # A campaign within that limit takes it as it is; its page shows that rendition, whatever else was made of it.
    assert api.post(f"/campaign-assets/{asset_id}/renditions", json=good).status_code == 201
    wanted = {"parts": [{"asset_id": asset_id}], "recipients": [TO, GB], "start": False}
    assert api.post("/campaigns", json={**wanted, "profile": "universal"}).status_code == 422
    draft = api.post("/campaigns", json={**wanted, "profile": "large"})
    assert draft.status_code == 201
    assert made.get_json()["url"] in browser.client.get(f"/app/campaigns/{draft.get_json()['id']}").text
    (preview,) = api.post("/campaigns/preview", json={**wanted, "profile": "large"}).get_json()["previews"]
    assert preview["parts"][0]["url"] == made.get_json()["url"]
    assert preview["reason"] == "This limit was chosen for everybody."
    assert preview["advice"][-1].startswith("The operator of one recipient takes less than large")


def test_an_edit_of_operators_counts_when_it_is_told_who_takes_a_larger_limit(api: FlaskClient) -> None:
    wanted = {"name": "Mine", "country": "IE", "profile_by_kind": {"short_code": "max"}}
    assert api.put("/operators/mine_ie", json=wanted).status_code == 200
    problem = send(api, sound("long.amr", 500), "long.amr").get_json()
    assert problem["larger"]["profile"] in {"large", "xlarge", "max"}
    assert "IE: Mine (from short codes)" in problem["larger"]["taken_by"]


@pytest.mark.parametrize("recipients", [[], [TO], [TO, GB]])
def test_each_size_of_a_message_says_why_it_is_that_one(api: FlaskClient, recipients: list[str]) -> None:
    parts = [{"asset_id": send(api, PHOTO).get_json()["id"]}]
    previews = api.post("/campaigns/preview", json={"parts": parts, "recipients": recipients}).get_json()["previews"]
    reasons = {each["profile"]: each["reason"] for each in previews}
    usual = "What operators take that are not known; the numbers may ask for another size."
    known = "What the operators of these numbers ({}) take from a {}, as far as is known."
    assert reasons == {
        **({} if TO in recipients else {"universal": usual}),
        **({"universal": known.format("GB", "virtual mobile number")} if GB in recipients else {}),
        **({"xlarge": known.format("US", "short code")} if TO in recipients else {}),
    }


def test_a_choice_is_made_when_the_campaign_is_prepared_if_nobody_made_it_before(api: FlaskClient) -> None:
    asset_id = send(api, long_clip(), "long.mp4").get_json()["asset_id"]
    part = {"asset_id": asset_id, "as": "first_frame"}
    campaign = api.post("/campaigns", json={"parts": [part, {"text": "Look"}], "recipients": [GB]}).get_json()
    finished(api, campaign["id"])
    (rendition,) = api.get(f"/campaign-assets/{asset_id}").get_json()["renditions"]
    assert (rendition["as"], rendition["content_type"]) == ("first_frame", "image/jpeg")


@pytest.mark.parametrize(
    ("name", "content", "wanted", "content_type"),
    [
        ("clip.mp4", lambda: clip("clip.mp4", 4, size="160x90"), {"as": "3gp"}, "video/3gpp"),
        (
            "clip.mp4",
            lambda: clip("clip.mp4", 4, size="160x90"),
            {"as": "mp4", "cut": {"start": 1, "seconds": 2}},
            "video/mp4",
        ),
        ("move.gif", lambda: animation(drawing_that_moves(200, 8)), {"as": "mp4"}, "video/mp4"),
        ("move.gif", lambda: animation(drawing_that_moves(200, 8)), {"as": "first_frame"}, "image/"),
        ("tone.wav", lambda: sound("tone.wav", 5), {"as": "amr"}, "audio/amr"),
        ("tone.wav", lambda: sound("tone.wav", 5), {"as": "mp3", "cut": {"seconds": 2}}, "audio/mpeg"),
    ],
    ids=["video to 3gp", "a cut", "gif to mp4", "first frame", "sound to amr", "a cut of sound to mp3"],
)
def test_each_form_is_a_rendition_of_its_own_beside_the_usual_one(
    api: FlaskClient, name: str, content: Any, wanted: dict[str, Any], content_type: str
) -> None:
    asset = send(api, content(), name).get_json()
    answers = [api.post(f"/campaign-assets/{asset['id']}/renditions", json=wanted) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    made, again = (each.get_json() for each in answers)
    assert made["id"] == again["id"] != asset["renditions"][0]["id"]
    assert made["content_type"].startswith(content_type)
    assert made["as"] == wanted.get("as", "auto")
    shown = api.get(f"/campaign-assets/{asset['id']}").get_json()
    assert {each["id"] for each in shown["renditions"]} == {made["id"], asset["renditions"][0]["id"]}
    assert len({each["reason"] for each in shown["renditions"]}) == 2
    assert wanted.get("as", "mp4") in asset["forms"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"as": "mp4"}, "as"),
        ({"as": "gif"}, "as"),
        ({"cut": {"seconds": 2}}, "cut.start"),
        ({"as": "mp4", "cut": {"start": -1}}, "cut.start"),
        ({"cut": {"begin": 1}}, "cut.begin"),
        ({"cut": 5}, "cut"),
    ],
)
def test_what_a_picture_cannot_become_is_refused_with_what_is_possible(
    api: FlaskClient, wanted: dict[str, Any], field: str
) -> None:
    asset = send(api, PHOTO).get_json()
    for path, body in (
        (f"/campaign-assets/{asset['id']}/renditions", wanted),
        ("/campaigns", {"parts": [{"asset_id": asset["id"], **wanted}], "recipients": [TO]}),
        ("/campaigns/preview", {"parts": [{"asset_id": asset["id"], **wanted}], "recipients": []}),
        ("/messages", {"parts": [{"asset_id": asset["id"], **wanted}], "to": TO}),
    ):
        refused = api.post(path, json=body)
        assert (refused.status_code, slug_of(refused)) == (422, "invalid-request"), path
        assert refused.get_json()["errors"][0]["field"].removeprefix("parts.0.") == field
    assert api.get("/campaigns").get_json()["items"] == []


@pytest.mark.parametrize("seconds", [0, -1, 1e-9, "nan", 90_000])
def test_a_cut_of_no_length_is_refused_and_never_taken_as_all_of_it(api: FlaskClient, seconds: object) -> None:
    asset = send(api, clip("clip.mp4", 4, size="160x90"), "clip.mp4").get_json()
    for path, body in (
        (f"/campaign-assets/{asset['id']}/renditions", {"cut": {"start": 1, "seconds": seconds}}),
        ("/campaigns", {"parts": [{"asset_id": asset["id"], "cut": {"seconds": seconds}}], "recipients": [TO]}),
    ):
        refused = api.post(path, json=body)
        assert (refused.status_code, slug_of(refused)) == (422, "invalid-request")
        assert refused.get_json()["errors"][0]["field"].removeprefix("parts.0.") == "cut.seconds"
    to_the_end = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"cut": {"start": 1}})
    assert to_the_end.get_json()["cut"] == {"start": 1}
    assert to_the_end.get_json()["quality"]["seconds"] == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("cut", [{"start": 9}, {"start": 1, "seconds": 30}, {"start": 0, "seconds": 0.01}])
def test_a_cut_outside_of_the_clip_says_how_long_it_is(api: FlaskClient, cut: dict[str, float]) -> None:
    asset = send(api, clip("clip.mp4", 4, size="160x90"), "clip.mp4").get_json()
    refused = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"cut": cut})
    assert refused.status_code == 422
    assert refused.get_json()["length_seconds"] == pytest.approx(4, abs=0.1)
    assert refused.get_json()["errors"][0]["field"] in {"cut.start", "cut.seconds"}


def test_a_poster_is_no_rendition_that_could_be_sent(api: FlaskClient, web: Postcard) -> None:
    asset = send(api, clip("clip.mp4", 2, size="160x90"), "clip.mp4").get_json()
    assert asset["poster_url"]
    assert [each["profile"] for each in asset["renditions"]] == ["universal"]
    assert asset["poster_url"] not in {each["url"] for each in asset["renditions"]}
    assert requests.get(asset["poster_url"], timeout=10).status_code == 200
    wrong = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"profile": "poster"})
    assert wrong.status_code == 422
    preview = api.post("/campaigns/preview", json={"parts": [{"asset_id": asset["id"]}]}).get_json()
    assert preview["previews"][0]["parts"][0]["poster_url"] == asset["poster_url"]
    assert api.delete(f"/campaign-assets/{asset['id']}").status_code == 204
    assert requests.get(asset["poster_url"], timeout=10).status_code in {403, 404}


def test_every_figure_of_a_rendition_is_told(api: FlaskClient) -> None:
    photo = send(api, PHOTO).get_json()
    (rendition,) = photo["renditions"]
    assert rendition["original"] == {
        "content_type": "image/jpeg", "bytes": len(PHOTO), "width": 1600, "height": 1200, "frames": 1, "seconds": 0.0,
    }  # fmt: skip
    quality = rendition["quality"]
    assert 0 < quality["ssim"] <= 1
    assert "luma" in quality["ssim_against"]
    assert quality["encoder"]
    assert 1 <= quality["encodes"] <= 3
    assert quality["milliseconds"] > 0
    moving = send(api, clip("clip.mp4", 4, size="160x90"), "clip.mp4").get_json()["renditions"][0]["quality"]
    assert moving["fps_in"] == pytest.approx(30, abs=0.5)
    assert 0 < moving["fps_out"] <= moving["fps_in"]
    assert moving["seconds"] == pytest.approx(4, abs=0.2)


def test_a_cancelled_upload_is_told_and_an_idle_one_cannot_be_cancelled(api: FlaskClient, web: Postcard) -> None:
    asset = send(api, PHOTO).get_json()
    idle = api.post(f"/campaign-assets/{asset['id']}/cancel")
    assert (idle.status_code, slug_of(idle)) == (409, "wrong-state")
    assert asset["progress"] is None
    with web.change() as change:
        settle_asset(change.connection, asset["id"], AssetState.FITTING)
    assert api.get(f"/campaign-assets/{asset['id']}").get_json()["progress"] == 0.0
    stopped = api.post(f"/campaign-assets/{asset['id']}/cancel")
    assert (stopped.status_code, stopped.get_json()["state"]) == (200, "failed")
    assert stopped.get_json()["failure"]["slug"] == "fitting-cancelled"
    assert api.post("/campaign-assets/ast_none/cancel").status_code == 404
    # Sent again it is fitted again; what was made of it before is there at once.
    assert send(api, PHOTO).status_code == 200
    with web.database.read() as connection:
        assert get_asset(connection, asset["id"]).state is AssetState.READY


def test_the_pages_show_a_clip_by_its_still_what_would_fit_and_how_far_it_is(
    api: FlaskClient, browser: Browser, web: Postcard
) -> None:
    asset_id = send(api, long_clip(), "long.mp4").get_json()["asset_id"]
    asset = api.get(f"/campaign-assets/{asset_id}").get_json()
    page = browser.client.get("/app/library").text
    assert asset["poster_url"] in page
    assert "Choose what to send" in page
    assert "hx-get" not in page
    with web.change() as change:
        settle_asset(change.connection, asset_id, AssetState.FITTING)
    moving = browser.client.get(f"/app/library/{asset_id}/card").text
    assert f'hx-get="/app/library/{asset_id}/card"' in moving
    assert "<progress" in moving
    assert browser.post(f"/app/library/{asset_id}/cancel").status_code == 303
    wait_until(lambda: "hx-get" not in browser.client.get(f"/app/library/{asset_id}/card").text)


def test_a_report_stands_beside_the_original_which_is_encoded_anew(api: FlaskClient, browser: Browser) -> None:
    asset = send(api, PHOTO).get_json()
    (rendition,) = asset["renditions"]
    report = browser.client.get(f"/app/renditions/{rendition['id']}/report").text
    for words in (
        "1600&nbsp;\u00d7&nbsp;1200",
        "SSIM",
        "Given up",
        rendition["url"],
        f"/app/library/{asset['id']}/original",
    ):
        assert words in report
    original = browser.client.get(f"/app/library/{asset['id']}/original")
    assert original.content_type == "image/jpeg"
    assert original.data != PHOTO
    assert browser.client.get("/app/renditions/rnd_none/report").status_code == 404
    moving = send(api, clip("clip.mp4", 2, size="160x90"), "clip.mp4").get_json()
    assert "<video" in browser.client.get(f"/app/renditions/{moving['renditions'][0]['id']}/report").text
    assert browser.client.get(f"/app/library/{moving['id']}/original").status_code == 415


def test_strangers_see_neither_originals_nor_reports(api: FlaskClient, nobody: FlaskClient) -> None:
    asset = send(api, PHOTO).get_json()
    for path in (f"/app/library/{asset['id']}/original", f"/app/renditions/{asset['renditions'][0]['id']}/report"):
        assert nobody.get(path).status_code in {302, 401}


def test_a_preview_tells_what_all_media_may_have_and_what_each_part_got(api: FlaskClient) -> None:
    first = send(api, PHOTO).get_json()
    second = send(api, save(photograph(1800, 1350, seed=7, grain=0.03), "JPEG", quality=90)).get_json()
    parts = [{"asset_id": first["id"]}, {"text": "Both"}, {"asset_id": second["id"]}]
    (preview,) = api.post("/campaigns/preview", json={"parts": parts}).get_json()["previews"]
    media = [part for part in preview["parts"] if part["url"]]
    assert [part["asset_id"] for part in media] == [first["id"], second["id"]]
    assert all(part["bytes"] <= part["budget_bytes"] for part in media)
    assert sum(part["budget_bytes"] for part in media) <= preview["media_bytes"] < preview["limit_bytes"]
    assert preview["message_bytes"] <= preview["limit_bytes"]
    assert {part["rendition"]["reason"] for part in media} == {"beside other parts"}
    shown = api.get(f"/campaign-assets/{first['id']}").get_json()["renditions"]
    assert [each["reason"] for each in shown] == ["alone in its message", "beside other parts"]


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        ({"as": "mp4"}, "parts.1.as", "A still cannot become mp4; possible: auto."),
        ({"cut": {"start": 1}}, "parts.1.cut.start", "A still cannot be cut; only videos and sound files can."),
        ({"as": "3gp"}, "parts.2.as", "An animation cannot become 3gp; possible: auto, mp4, first_frame."),
        ({"cut": {"seconds": 1}}, "parts.2.cut.start", "An animation cannot be cut; only videos and sound files can."),
        ({"cut": {"start": 9}}, "parts.3.cut.start", "A cut cannot begin at 9 seconds: this is 2 seconds long."),
        ({"as": "first_frame"}, "parts.3.as", "A sound file cannot become first_frame; possible: auto, aac, amr, mp3."),
    ],
)
def test_a_choice_that_is_not_possible_is_named_by_its_part(
    api: FlaskClient, wanted: dict[str, Any], field: str, words: str
) -> None:
    files = {"small.jpg": SMALL, "move.gif": animation(drawing_that_moves(64, 3)), "tone.wav": sound("tone.wav", 2)}
    parts: list[dict[str, Any]] = [{"text": "Look"}]
    parts += [{"asset_id": send(api, content, name).get_json()["id"]} for name, content in files.items()]
    parts[int(field.split(".")[1])].update(wanted)
    for path in ("/campaigns/preview", "/campaigns"):
        refused = api.post(path, json={"parts": parts, "recipients": [GB]})
        assert refused.status_code == 422
        assert refused.get_json()["errors"] == [{"field": field, "message": words}]


def test_a_part_that_does_not_fit_is_named_by_its_place(api: FlaskClient) -> None:
    asset_id = send(api, long_clip(), "long.mp4").get_json()["asset_id"]
    body = {"parts": [{"text": "Look"}, {"asset_id": asset_id}], "recipients": [GB]}
    for path, field in (("/campaigns/preview", "parts.1"), ("/campaigns", "parts.1.asset_id")):
        problem = api.post(path, json=body).get_json()
        assert [each["field"] for each in problem["errors"]] == [field]
        assert problem["choices"]
