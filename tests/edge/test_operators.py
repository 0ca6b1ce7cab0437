"""What an admin says of operators: nothing is taken that would send one more than it takes, whatever rows say already."""

from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.records.senders import edit_operator


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
