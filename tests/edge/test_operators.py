"""What an admin says of operators: nothing is taken that would send one more than it takes, whatever rows say already."""

from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.records.senders import edit_operator
from tests.edge.test_assets import SMALL, send


def test_an_operator_without_a_profile_for_the_sender_is_sent_no_more_than_it_takes(api: FlaskClient) -> None:
    wanted = {"name": "Part", "country": "GB", "openmarket_id": 99002, "max_bytes": 200_000}
    partly = {**wanted, "profile_by_kind": {"toll_free": "urgent"}}  # the sender for GB is a virtual mobile number
    assert api.put("/operators/part_gb", json=partly).status_code == 200
    recipients = [{"number": "447700900001", "operator_id": 99002}, "447700900765"]
    body = {"parts": [{"text": "Hello"}], "recipients": recipients}
    (preview,) = api.post("/campaigns/preview", json=body).get_json()["previews"]
    assert (preview["profile"], preview["limit_bytes"], preview["recipients"]) == ("urgent", 150_000, 2)


def test_an_operator_that_takes_less_than_any_message_is_refused_with_what_to_do(api: FlaskClient) -> None:
    tiny = {"name": "Tiny", "country": "GB", "openmarket_id": 99001, "max_bytes": 100_000}
    refused = api.put("/operators/tiny_gb", json=tiny)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.get_json()["errors"]] == ["max_bytes"]
    assert "urgent, 150,000 bytes; write that or more, or 0" in refused.get_json()["detail"]
    assert api.get("/operators/tiny_gb").status_code == 404


def test_a_row_that_was_taken_before_is_never_sent_more_than_it_says(web: Postcard, api: FlaskClient) -> None:
    old = {"openmarket_id": 99003, "max_bytes": 200_000, "profile_by_kind": {}}
    older = {"name": "Tiny", "country": "IE", "openmarket_id": 99001, "profile_by_kind": {}, "side_pixels": 0}
    with web.change() as change:
        edit_operator(change.connection, "ee_gb", old, updated_by="test", at=change.at)
        tiny = {**older, "max_bytes": 100_000, "source": "x", "dated": "2026-11-01"}
        edit_operator(change.connection, "tiny_ie", tiny, updated_by="test", at=change.at)
    parts = [{"text": "Hello"}]
    body = {"parts": parts, "recipients": [{"number": "447700900001", "operator_id": 99003}]}
    (preview,) = api.post("/campaigns/preview", json=body).get_json()["previews"]
    assert preview["profile"] == "urgent"
    for recipient in ({"number": "353861234567", "operator_id": 99001}, "353861234567"):
        refused = api.post("/campaigns", json={"parts": parts, "recipients": [recipient]})
        assert refused.status_code == 422
        assert "PUT /operators/tiny_ie" in refused.get_json()["detail"]
    assert api.get("/campaigns").get_json()["items"] == []


def test_a_profile_that_is_none_is_named_with_its_kind_and_auto_is_offered_only_where_it_is_taken(
    api: FlaskClient,
) -> None:
    for name in ("tiny", "auto"):
        refused = api.put("/operators/att_us", json={"profile_by_kind": {"toll_free": name}}).get_json()
        assert [each["field"] for each in refused["errors"]] == ["profile_by_kind.toll_free"]
        assert refused["detail"].endswith("choose one of urgent, universal, large, xlarge, max.")
    asset_id = send(api, SMALL).get_json()["id"]
    refused = api.post(f"/campaign-assets/{asset_id}/renditions", json={"profile": "auto"}).get_json()
    assert refused["errors"] == [
        {"field": "profile", "message": "must be one of urgent, universal, large, xlarge, max"}
    ]
    body = {"parts": [{"text": "Hello"}], "recipients": ["447700900765"], "profile": "tiny"}
    assert api.post("/campaigns/preview", json=body).get_json()["detail"].endswith("large, xlarge, max, auto.")


def test_a_side_that_no_handset_has_is_refused(api: FlaskClient) -> None:
    for side, status in ((1, 422), (159, 422), (160, 200), (0, 200)):
        answer = api.put("/operators/ee_gb", json={"side_pixels": side})
        assert answer.status_code == status
        if status == 422:
            assert [each["field"] for each in answer.get_json()["errors"]] == ["side_pixels"]


def test_an_id_of_openmarket_stands_for_one_operator_until_it_is_given_free(api: FlaskClient) -> None:
    refused = api.put("/operators/mine_us", json={"name": "Mine", "country": "US", "openmarket_id": 383})
    assert refused.status_code == 422
    assert refused.get_json()["errors"] == [{"field": "openmarket_id", "message": "AT&T has it (att_us)"}]
    assert api.put("/operators/att_us", json={"openmarket_id": 383, "source": "again"}).status_code == 200
    freed = api.put("/operators/att_us", json={"openmarket_id": None}).get_json()
    assert (freed["openmarket_id"], freed["name"]) == (None, "AT&T")
    assert (
        api.put("/operators/mine_us", json={"name": "Mine", "country": "US", "openmarket_id": 383}).status_code == 200
    )
    assert api.put("/operators/mine_us", json={"source": "a letter"}).get_json()["openmarket_id"] == 383


def test_an_id_that_differs_from_another_only_in_case_is_refused(api: FlaskClient) -> None:
    refused = api.put("/operators/EE_GB", json={"name": "EE", "country": "GB"})
    assert refused.status_code == 422
    assert refused.get_json()["detail"] == "There is ee_gb already; use that id, or one of its own."
    assert api.put("/operators/Own_gb", json={"name": "Own", "country": "GB"}).status_code == 200
    assert api.put("/operators/Own_gb", json={"name": "Own again"}).status_code == 200


def test_a_change_tells_what_it_means_for_recipients_whose_operator_is_not_known(api: FlaskClient) -> None:
    added = api.put("/operators/mine_us", json={"name": "Mine", "country": "US"}).get_json()
    assert added["advice"] == [
        "Recipients in US whose operator is not known get universal (290,000 bytes) from short codes and virtual mobile "
        "numbers; before this it was xlarge (590,000 bytes).",
        "Recipients in US whose operator is not known get universal (290,000 bytes) from toll-free numbers; before this it "
        "was large (490,000 bytes).",
    ]
    kinds = {"short_code": "xlarge", "toll_free": "large", "virtual_mobile": "xlarge"}
    named = api.put("/operators/mine_us", json={"profile_by_kind": kinds}).get_json()
    assert [each.split(" get ")[1].split(" from ")[0] for each in named["advice"]] == [
        "xlarge (590,000 bytes)",
        "large (490,000 bytes)",
    ]
    assert api.put("/operators/mine_us", json={"profile_by_kind": {"short_code": "max"}}).get_json()["advice"] == []


def test_a_row_that_nothing_fits_can_be_mended(web: Postcard, api: FlaskClient) -> None:
    with web.change() as change:
        edit_operator(change.connection, "ee_gb", {"max_bytes": 100_000}, updated_by="test", at=change.at)
    mended = api.put("/operators/ee_gb", json={"max_bytes": 300_000})
    assert mended.status_code == 200
    assert mended.get_json()["advice"] == [
        "Recipients in GB whose operator is not known get universal (290,000 bytes) from any sender; before this it was "
        "nothing."
    ]
