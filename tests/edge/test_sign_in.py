from datetime import timedelta

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.edge.passwords import hash_password
from app.records.people import find_user, make_sign_in_link, save_user
from tests.edge.conftest import PASSWORD, Browser, csrf_of


def make_link(web: Postcard, name: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    with web.change() as change:
        user = find_user(change.connection, name)
        assert user is not None
        return make_sign_in_link(change.connection, user, at=change.at, lifetime=lifetime)


def submit(client: FlaskClient, **form: str) -> int:
    csrf = csrf_of(client.get("/app/sign-in").text)
    return client.post("/app/sign-in", data={"csrf_token": csrf, **form}).status_code


def is_in(client: FlaskClient) -> bool:
    return client.get("/app/send", headers={"Accept": "application/json"}).status_code == 200


def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(web: Postcard, app: APIFlask, user: str) -> None:
    link = make_link(web, user)
    first, second = app.test_client(), app.test_client()
    assert "Welcome" in first.get(f"/app/sign-in?link={link}").text
    assert "Welcome" in second.get(f"/app/sign-in?link={link}").text
    assert submit(first, link=link) == 303
    assert is_in(first)
    assert submit(second, link=link) == 401
    assert not is_in(second)


def test_after_a_wrong_password_only_the_password_is_typed_again(nobody: FlaskClient, user: str) -> None:
    csrf = csrf_of(nobody.get("/app/sign-in").text)
    page = nobody.post("/app/sign-in", data={"csrf_token": csrf, "name": f'{user}"<b>', "password": "wrong"}).text
    assert f'value="{user}&#34;&lt;b&gt;"' in page
    assert "A link works once" not in page
    password = page.split('id="password"')[1].split(">")[0]
    assert "autofocus" in password
    assert "wrong" not in password


@pytest.mark.parametrize("link", ["wrong", "x" * 10_000, "' or 1=1 --"])
def test_a_wrong_link_is_refused(nobody: FlaskClient, link: str) -> None:
    assert submit(nobody, link=link) == 401
    assert not is_in(nobody)


def test_an_expired_link_is_refused_with_what_to_do(web: Postcard, nobody: FlaskClient, user: str) -> None:
    link = make_link(web, user, lifetime=timedelta(seconds=-1))
    csrf = csrf_of(nobody.get("/app/sign-in").text)
    page = nobody.post("/app/sign-in", data={"csrf_token": csrf, "link": link})
    assert page.status_code == 401
    assert "too old" in page.text
    assert "postcard sign-in" in page.text


@pytest.mark.parametrize(
    ("name", "password"),
    [("mia", "wrong"), ("mia", ""), ("nobody", PASSWORD), ("", ""), ("mia", PASSWORD + " "), ("MIA", PASSWORD)],
)
def test_a_wrong_name_or_password_is_refused_in_the_same_words(
    nobody: FlaskClient, user: str, name: str, password: str
) -> None:
    csrf = csrf_of(nobody.get("/app/sign-in").text)
    page = nobody.post("/app/sign-in", data={"csrf_token": csrf, "name": name, "password": password})
    assert page.status_code == 401
    assert "Name or password is wrong." in page.text
    assert not is_in(nobody)


def test_a_user_without_a_password_cannot_sign_in_by_one(web: Postcard, nobody: FlaskClient) -> None:
    with web.change() as change:
        save_user(change.connection, "linked", "", admin=True, at=change.at)
    assert submit(nobody, name="linked", password="") == 401


def test_a_new_password_ends_every_session(web: Postcard, browser: Browser) -> None:
    assert is_in(browser.client)
    with web.change() as change:
        save_user(change.connection, "mia", hash_password("another one"), admin=True, at=change.at)
    assert not is_in(browser.client)


def test_signing_out_ends_the_session(browser: Browser) -> None:
    assert browser.post("/app/sign-out").status_code == 303
    assert not is_in(browser.client)


def test_signing_in_without_a_csrf_token_is_refused(nobody: FlaskClient, user: str) -> None:
    assert nobody.post("/app/sign-in", data={"name": user, "password": PASSWORD}).status_code == 403


def test_guessing_is_slowed_down(nobody: FlaskClient, user: str) -> None:
    csrf = csrf_of(nobody.get("/app/sign-in").text)
    form = {"csrf_token": csrf, "link": "wrong"}
    answers = [nobody.post("/app/sign-in", data=form) for _ in range(21)]
    assert [each.status_code for each in answers[:20]] == [401] * 20
    assert answers[20].status_code == 429
    assert int(answers[20].headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/app/library", "/app/library"),
        ("https://evil.example/", "/app/send"),
        ("//evil.example/", "/app/send"),
        ("/\\evil.example/", "/app/send"),
        ("/app/\\evil", "/app/send"),
        ("/campaigns", "/app/send"),
        ("/app/sign-out", "/app/send"),
        ("", "/app/send"),
    ],
)
def test_after_signing_in_only_a_page_of_ours_is_shown(
    web: Postcard, nobody: FlaskClient, user: str, wanted: str, goes_to: str
) -> None:
    csrf = csrf_of(nobody.get("/app/sign-in").text)
    form = {"csrf_token": csrf, "link": make_link(web, user), "next": wanted}
    assert nobody.post("/app/sign-in", data=form).headers["Location"] == goes_to


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(web: Postcard, nobody: FlaskClient, user: str) -> None:
    csrf = csrf_of(nobody.get("/app/sign-in").text)
    answer = nobody.post("/app/sign-in", data={"csrf_token": csrf, "link": make_link(web, user)})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("postcard_session_8000=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
