"""Any bytes in: a result within the budget or one of our errors, never a crash or a hang; through the confined decoders."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.confine import DecoderPool
from app.errors import PostcardError
from app.fit.media import DECODERS as FITTING
from app.model.media import WHOLE, Choice, Form
from app.probe.media import DECODERS as PROBING
from app.probe.sniff import _CHUNKS, _STARTS
from tests.media import fuzz
from tests.media.jobs import probe_fit_and_probe

MAGIC = [
    *(start for start, _ in _STARTS),
    *(kind + b"\x40\0\0\0" + each for kind, named in _CHUNKS.items() for each in named),
    *(
        b"\0\0\0\x18ftyp" + brand + bytes(4) + brand + b"mif1"
        for brand in (b"heic", b"avif", b"qt  ", b"M4A ", b"3gp4", b"isom")
    ),
    b"\0\0\0\x08wide\0\0\0\x10mdat",
    b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    b"#!AMR\n",
    b"#!AMR-WB\n",
    b"\xff\xfb\x90\x64",
    b"\xff\xf1\x50\x80",
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\n",
    b"<svg ",
    b"",
]


@cache
def small_files() -> list[bytes]:
    return [each for each in fuzz.real_files() if len(each) < 50_000]


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    made = DecoderPool(
        1, seconds=60, memory_bytes=1_000_000_000, preload=[*PROBING, *FITTING, "tests.media.jobs"], wait_seconds=600
    )
    yield made
    made.close()


def headed() -> st.SearchStrategy[bytes]:
    """Draw bytes behind the magic of any kind, or behind the first bytes of a real file of it, whose tail may follow them."""
    real = st.builds(
        lambda file, keep, more, go_on: file[:keep] + more + (file[keep + len(more) :] if go_on else b""),
        st.sampled_from(small_files()), st.integers(4, 2_000), st.binary(max_size=500), st.booleans(),
    )  # fmt: skip
    return st.one_of(real, st.builds(bytes.__add__, st.sampled_from(MAGIC), st.binary(max_size=500)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.deferred(headed), form=st.sampled_from([None, *Form]))
def test_any_bytes_behind_any_head_end_in_a_result_or_one_of_our_errors(
    tmp_path: Path, pool: DecoderPool, content: bytes, form: Form | None
) -> None:
    (tmp_path / "upload").write_bytes(content)
    choice, refusal = Choice(form) if form else WHOLE, ""
    try:
        fitted, found = pool.run(
            probe_fit_and_probe, tmp_path / "upload", fuzz.BUDGET, tmp_path, choice=choice, for_pages=False
        )
    except PostcardError as refused:
        refusal = refused.detail
    else:
        assert fuzz.is_as_told(fitted, found)
        fitted.path.unlink()
    assert not any(said in refusal for said in fuzz.UNFORESEEN), refusal
