"""/campaign-assets: uploads, their renditions, and deleting them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify, request

from app.duties.fitting import cancel_fitting
from app.duties.removal import remove_asset
from app.edge.auth import caller
from app.edge.body import abandon_body, open_body
from app.edge.context import edge, the_post
from app.edge.idempotency import Settle, once
from app.edge.media_views import assets_out, rendition_out
from app.edge.problems import error_named
from app.edge.schemas.assets import AssetOut, AssetPageOut, RenditionIn, RenditionOut, UrlIn
from app.edge.schemas.shapes import PageQuery
from app.edge.waiting import patience, preferred_wait, takes_long, wait_until_fitted
from app.errors import BodyTypeWrong, DecoderBusy, PostcardError, UploadTooLarge
from app.model.media import Asset, AssetState, Spooled
from app.pipeline import accept_asset, make_rendition
from app.records.assets import get_asset, list_assets
from app.upload.fetch import fetch_url
from app.upload.receive import Stream, discard_rest, receive_multipart

blueprint = APIBlueprint("assets", __name__, tag="Assets")
_PASSING_SECONDS = 2.0


@blueprint.post("/campaign-assets")
@blueprint.output(AssetOut, status_code=201)
@blueprint.doc(
    summary="Upload media, or name a URL to fetch it from",
    description="201: new. 200: these bytes were known. 202: still fitting; look at Location. The answer waits for the "
    "renditions, 20 seconds or as long as `Prefer: wait=N` says.",
)
def create_asset() -> Response:
    """Take in a file (multipart field `file`) or a URL (`{"url": ...}`), and have it fitted."""
    with _patiently():
        upload = _take_in()
        try:
            return once({"sha256": upload.sha256}, lambda settle: _accept(upload, settle), place="/campaign-assets")
        finally:
            upload.path.unlink(missing_ok=True)


@contextmanager
def _patiently() -> Iterator[None]:
    """Take a place for long work. Who finds none is refused, once what comes of the upload meanwhile was let pass.

    Raises:
        DecoderBusy: there is no place; nothing was begun.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(patience().work())
        except DecoderBusy:
            with patience().wait() as found:
                if found:
                    _let_pass()
            abandon_body(request.environ["wsgi.input"])
            raise
        yield


def _take_in() -> Spooled:
    """Spool what came.

    Raises:
        BodyTypeWrong: neither a form nor JSON.
        UploadTooLarge: longer than the limit.
    """
    post = the_post()
    limits = post.settings.upload
    if request.mimetype == "multipart/form-data":
        stream = _body()
        try:
            return receive_multipart(
                stream,
                content_type=request.headers.get("Content-Type", ""),
                content_length=_length(),
                spool_dir=post.spool_dir,
                max_bytes=limits.max_bytes,
            ).spooled
        except UploadTooLarge:
            # A browser reads the answer only once its upload was taken: for what is not absurdly long, take it.
            discard_rest(stream, max_bytes=min(_length() or 0, 4 * limits.max_bytes))
            raise
    if request.mimetype == "application/json":
        wanted = UrlIn.model_validate(request.get_json())
        return fetch_url(
            wanted.url,
            spool_dir=post.spool_dir,
            max_bytes=limits.max_bytes,
            seconds=limits.fetch_seconds,
            allow_http=limits.fetch_http,
            allow_private=limits.fetch_private,
        )
    accepted = ["multipart/form-data", "application/json"]
    raise BodyTypeWrong("Send a form with the field `file`, or JSON with `url`.", accepted=accepted)


def _let_pass() -> None:
    """Take in the upload and forget it, for a moment; who is slower is cut off."""
    if connection := request.environ.get("gunicorn.socket"):
        connection.settimeout(_PASSING_SECONDS)
    discard_rest(_body(), max_bytes=_length() or 0, seconds=_PASSING_SECONDS)


def _body() -> Stream:
    return open_body(request.environ["wsgi.input"])


def _length() -> int | None:
    """Tell the body's length; None = the server ends it (chunked). Without either there is no body."""
    if request.environ.get("wsgi.input_terminated"):
        return request.content_length
    return request.content_length or 0


def _accept(upload: Spooled, settle: Settle) -> Response:
    post = the_post()
    asset, new = accept_asset(post, upload, created_by=caller().label)
    wait = preferred_wait()
    asset = wait_until_fitted(post, asset, seconds=post.settings.web.wait_seconds if wait is None else wait)
    answer = answer_asset(asset, new=new)
    with post.change() as change:
        settle(change.connection, answer.status_code, answer.get_json())
    if wait is not None:
        answer.headers["Preference-Applied"] = f"wait={wait}"
    return answer


def answer_asset(asset: Asset, *, new: bool) -> Response:
    """Answer an upload: with what it became, with the promise that it will, or with why it could not."""
    if asset.state is AssetState.FAILED:
        failure = kept_failure(asset.failure, asset_id=asset.id)
        raise failure
    answer = jsonify(_shown(asset).as_json())
    answer.status_code = (201 if new else 200) if asset.state is AssetState.READY else 202
    answer.headers["Location"] = f"/campaign-assets/{asset.id}"
    if answer.status_code == 202:
        answer.headers["Retry-After"] = "1"
    return answer


def kept_failure(kept: dict[str, Any] | None, **facts: str) -> PostcardError:
    """Make the error again that fitting ended with, from the words that were kept."""
    failure = dict(kept or {})
    detail = str(failure.pop("detail", "The file could not be fitted."))
    return error_named(str(failure.pop("slug", "")))(detail, **{**failure, **facts})


def _shown(asset: Asset) -> AssetOut:
    with the_post().database.read() as connection:
        return assets_out(edge(), connection, [asset])[0]


@blueprint.get("/campaign-assets")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(AssetPageOut)
def list_library(page: PageQuery) -> AssetPageOut:
    """List assets, newest first."""
    with the_post().database.read() as connection:
        found = list_assets(connection, before=page.before, limit=page.limit)
        items = assets_out(edge(), connection, found)
    return AssetPageOut(items=items, next=found[-1].id if len(found) == page.limit else None)


@blueprint.get("/campaign-assets/<asset_id>")
@blueprint.output(AssetOut)
def show_asset(asset_id: str) -> AssetOut:
    """Show one asset, its renditions, and until when they stay."""
    with the_post().database.read() as connection:
        return assets_out(edge(), connection, [get_asset(connection, asset_id)])[0]


@blueprint.delete("/campaign-assets/<asset_id>")
@blueprint.doc(summary="Delete an asset", responses={204: "Deleted, original included"})
@takes_long
def delete_asset(asset_id: str) -> tuple[str, int]:
    """Delete an asset unless a lease or an unfinished campaign holds it; caches elsewhere may keep it up to max-age."""
    remove_asset(the_post(), asset_id)
    return "", 204


@blueprint.post("/campaign-assets/<asset_id>/cancel")
@blueprint.output(AssetOut)
def cancel(asset_id: str) -> AssetOut:
    """Stop whatever is being fitted of an asset: one that was fitting is failed then; upload it again to try again."""
    return _shown(cancel_fitting(the_post(), asset_id))


@blueprint.post("/campaign-assets/<asset_id>/renditions")
@blueprint.input(RenditionIn, arg_name="body")
@blueprint.output(RenditionOut, status_code=201)
@takes_long
def create_rendition(asset_id: str, body: RenditionIn) -> Response:
    """Fit an asset, alone in its message, to a profile, in the form and cut that you choose; made before = the same one."""

    def work(settle: Settle) -> Response:
        post = the_post()
        rendition = make_rendition(post, asset_id, body.profile, body.choice())
        with post.change() as change:
            asset = get_asset(change.connection, asset_id)
            made = rendition_out(edge(), rendition, asset.facts).as_json()
            settle(change.connection, 201, made)
        answer = jsonify(made)
        answer.status_code = 201
        return answer

    return once(body.model_dump(mode="json"), work)
