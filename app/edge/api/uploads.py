"""/campaign-assets/uploads: long files go straight to the store, in parts that may be sent again."""

import time

from apiflask import APIBlueprint
from flask import Response, jsonify

from app.duties.uploads import begin_upload, cancel_upload, complete_upload, part_sizes, received_parts, sign_parts
from app.edge.api.assets import answer_asset, kept_failure
from app.edge.auth import caller
from app.edge.context import the_post
from app.edge.schemas.assets import AssetOut
from app.edge.schemas.uploads import CompleteIn, PartsIn, ReceivedOut, SignedOut, SignedPageOut, UploadIn, UploadOut
from app.edge.waiting import look_until, preferred_wait, takes_long, wait_until_fitted
from app.model.ports import SignedRequest
from app.records.assets import get_asset
from app.records.uploads import Upload, get_upload

blueprint = APIBlueprint("uploads", __name__, tag="Assets")


@blueprint.post("/campaign-assets/uploads")
@blueprint.input(UploadIn, arg_name="body")
@blueprint.output(UploadOut, status_code=201)
def begin(body: UploadIn) -> UploadOut:
    """Announce a file that will be sent straight to the store, in one PUT or in parts."""
    upload = begin_upload(
        the_post(),
        filename=body.filename,
        declared_type=body.content_type,
        size=body.bytes,
        sha256=body.sha256,
        created_by=caller().label,
    )
    return _shown(upload)


@blueprint.get("/campaign-assets/uploads/<upload_id>")
@blueprint.output(UploadOut)
def show(upload_id: str) -> UploadOut:
    """Show where an upload stands, and what the store has of it: the rest is what must still be sent."""
    return _shown(_upload(upload_id))


@blueprint.post("/campaign-assets/uploads/<upload_id>/parts")
@blueprint.input(PartsIn, arg_name="body")
@blueprint.output(SignedPageOut)
def sign(upload_id: str, body: PartsIn) -> SignedPageOut:
    """Sign the requests of some parts; signed anew as often as needed."""
    signed = sign_parts(the_post(), _upload(upload_id), {each.number: each.sha256 for each in body.parts})
    return SignedPageOut(parts=[_signed(number, each) for number, each in signed.items()])


@blueprint.post("/campaign-assets/uploads/<upload_id>/complete")
@blueprint.input(CompleteIn, arg_name="body")
@blueprint.output(AssetOut, status_code=201)
@blueprint.doc(
    summary="Have a sent file taken in",
    description="Answers like `POST /campaign-assets`. 202 with the upload: it is being taken in; look at Location.",
)
@takes_long
def complete(upload_id: str, body: CompleteIn) -> Response:
    """Have the worker hash and take in what was sent; wait for it as `POST /campaign-assets` does."""
    post = the_post()
    complete_upload(post, _upload(upload_id), {each.number: each.sha256 for each in body.parts})
    wait = preferred_wait()
    deadline = time.monotonic() + (post.settings.web.wait_seconds if wait is None else wait)
    upload = look_until(
        _upload(upload_id),
        lambda: _upload(upload_id),
        lambda seen: seen.state != "arrived",
        seconds=deadline - time.monotonic(),
    )
    if upload.failure is not None:
        failure = kept_failure(upload.failure)
        raise failure
    if upload.asset_id is None:
        answer = jsonify(_shown(upload).as_json())
        answer.status_code = 202
        answer.headers["Location"] = f"/campaign-assets/uploads/{upload_id}"
        answer.headers["Retry-After"] = "1"
        return answer
    with post.database.read() as connection:
        asset = get_asset(connection, upload.asset_id)
    return answer_asset(wait_until_fitted(post, asset, seconds=deadline - time.monotonic()), new=True)


@blueprint.delete("/campaign-assets/uploads/<upload_id>")
@blueprint.doc(summary="Take an upload back", responses={204: "Forgotten, with what was sent of it"})
def cancel(upload_id: str) -> tuple[str, int]:
    """Forget an upload that is not complete."""
    cancel_upload(the_post(), _upload(upload_id))
    return "", 204


def _upload(upload_id: str) -> Upload:
    with the_post().database.read() as connection:
        return get_upload(connection, upload_id)


def _signed(number: int, request: SignedRequest) -> SignedOut:
    return SignedOut(
        number=number, method=request.method, url=request.url, headers=request.headers, bytes=request.bytes
    )


def _shown(upload: Upload) -> UploadOut:
    post = the_post()
    is_open = upload.state == "open"
    signed = sign_parts(post, upload, {}) if is_open and not upload.multipart_id else {}
    received = received_parts(post, upload) if is_open else []
    return UploadOut(
        id=upload.id,
        state=upload.state,
        filename=upload.filename,
        bytes=upload.bytes,
        part_bytes=post.store.incoming.part_bytes,
        part_count=len(part_sizes(post, upload)),
        received=[ReceivedOut(number=each.number, bytes=each.bytes, sha256=each.sha256) for each in received],
        signed=[_signed(number, each) for number, each in signed.items()],
        asset_id=upload.asset_id,
        failure=upload.failure,
        created_at=upload.created_at,
    )
