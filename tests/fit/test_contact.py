"""Contacts: as they came where they fit, without their photo's place, with a smaller photo or none where they must."""

import base64
import io
import quopri
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from app.errors import CannotFit, MediaDamaged, PostcardError
from app.fit import fit_media
from app.model.media import Budget, Fitted, Kind
from app.model.vcard import parse_vcard
from app.probe import probe_media
from tests.media import pictures

UNIVERSAL = Budget(285_904, 1920)
Fit = Callable[..., Fitted]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    out = tmp_path / "out"
    out.mkdir()

    def run(content: bytes, budget: Budget = UNIVERSAL) -> Fitted:
        file = tmp_path / "upload"
        file.write_bytes(content)
        facts = probe_media(file, max_pixels=200_000_000)
        assert facts.kind is Kind.CONTACT
        return fit_media(file, facts, budget, out)

    return run


def card(version: str = "3.0", photo: bytes | None = None, name: str = "Zoë Müller") -> bytes:
    lines = ["BEGIN:VCARD", f"VERSION:{version}", f"FN:{name}", "N:Müller;Zoë;;;", "TEL;TYPE=CELL:+447700900123"]
    if photo is not None:
        text = base64.b64encode(photo).decode()
        folded = "\r\n ".join(text[at : at + 74] for at in range(0, len(text), 74))
        head = {"2.1": "PHOTO;ENCODING=BASE64;JPEG:", "3.0": "PHOTO;ENCODING=b;TYPE=JPEG:"}
        lines.append(f"{head.get(version, 'PHOTO:data:image/jpeg;base64,')}\r\n {folded}")
        if version == "2.1":
            lines.append("")
    return "\r\n".join([*lines, "END:VCARD", ""]).encode()


def photo_of(fitted: Fitted) -> Image.Image | None:
    lines = parse_vcard(fitted.path.read_bytes())
    found = next((line.photo for line in lines if line.photo), None)
    return Image.open(io.BytesIO(found)) if found else None


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
def test_a_contact_that_fits_is_not_touched(fit: Fit, version: str) -> None:
    content = card(version, pictures.save(pictures.photograph(60, 60), "JPEG"))
    fitted = fit(content)
    assert fitted.untouched
    assert fitted.content_type == "text/x-vcard"
    assert fitted.path.suffix == ".vcf"
    assert fitted.path.read_bytes() == content


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
def test_a_photo_is_made_smaller_before_it_is_left_out(fit: Fit, version: str) -> None:
    content = card(version, pictures.save(pictures.photograph(1200, 900), "JPEG", quality=92))
    fitted = fit(content, Budget(30_000, 1920))
    photo = photo_of(fitted)
    assert fitted.bytes <= 30_000
    assert fitted.given_up == ("photo made smaller",)
    assert photo is not None
    assert max(photo.size) <= 320
    bare = fit(content, Budget(400, 1920))
    assert bare.given_up == ("photo left out",)
    assert photo_of(bare) is None
    assert "Zoë Müller" in bare.path.read_text(encoding="utf-8")
    assert max(map(len, bare.path.read_bytes().split(b"\r\n"))) <= 75


def test_the_place_in_a_photo_goes(fit: Fit) -> None:
    content = card("3.0", pictures.save(pictures.photograph(100, 100), "JPEG", exif=pictures.exif(gps=True)))
    fitted = fit(content)
    photo = photo_of(fitted)
    assert photo is not None
    assert not photo.getexif()


def hidden_in_photos() -> dict[str, bytes]:
    """Make photos that tell more than they show, in ways that decoders do not all look at."""
    told = b"exif:GPSLatitude Anna lives here"
    png = pictures.save(pictures.photograph(60, 60), "PNG")
    jpeg = pictures.save(pictures.photograph(60, 60), "JPEG")
    text = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + told
    chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    more = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + told
    artist = Image.Exif()
    artist[ExifTags.Base.Artist] = told.decode()
    return {
        "text behind the pixels of a PNG": png[:-12] + chunk + png[-12:],
        "extended XMP": jpeg[:2] + b"\xff\xe1" + (len(more) + 2).to_bytes(2, "big") + more + jpeg[2:],
        "the photographer": pictures.save(pictures.photograph(60, 60), "JPEG", exif=artist),
        "bytes behind the end": jpeg + told,
    }


@pytest.mark.parametrize("way", hidden_in_photos())
def test_a_photo_shows_its_pixels_and_tells_nothing_else(fit: Fit, way: str) -> None:
    before = hidden_in_photos()[way]
    assert b"Anna lives here" in before
    fitted = fit(card("3.0", before))
    (photo,) = [line.photo for line in parse_vcard(fitted.path.read_bytes()) if line.photo]
    assert b"Anna lives here" not in photo
    assert not fitted.untouched
    assert "metadata of the photo removed" in fitted.given_up[0]
    shown = [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in (before, photo)]
    assert np.array_equal(shown[0], shown[1])
    assert fit(fitted.path.read_bytes()).untouched


def test_a_photo_that_is_turned_stays_upright_without_saying_so(fit: Fit) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    fitted = fit(card("4.0", pictures.save(pictures.photograph(120, 60), "JPEG", exif=turned)))
    photo = photo_of(fitted)
    assert photo is not None
    assert photo.size == (60, 120)
    assert not photo.getexif()


def test_old_letters_become_utf_8(fit: Fit) -> None:
    fitted = fit(card("2.1").decode().encode("latin-1"))
    assert "letters written as UTF-8" in fitted.given_up
    assert "Zoë Müller" in fitted.path.read_text(encoding="utf-8")


def test_a_contact_too_long_without_any_photo_is_refused(fit: Fit) -> None:
    with pytest.raises(CannotFit):
        fit(card(name="x" * 2_000), Budget(1_000, 1920))


HEADS = {
    "without padding": ("3.0", "PHOTO;ENCODING=b;TYPE=JPEG:"),
    "with its comma escaped": ("4.0", "PHOTO:data:image/jpeg;base64\\,"),
    "with a charset": ("4.0", "PHOTO:data:image/jpeg;charset=utf-8;base64,"),
    "of no kind": ("4.0", "PHOTO:data:application/octet-stream;base64,"),
    "of no kind at all": ("4.0", "PHOTO:data:;base64,"),
    "encoded in quotes": ("3.0", 'PHOTO;ENCODING="b";TYPE=JPEG:'),
    "with a colon in quotes": ("3.0", 'PHOTO;X-A="a:b";ENCODING=b:'),
    "encoded in a list": ("3.0", "PHOTO;TYPE=JPEG,BASE64:"),
    "that does not say how it is encoded": ("3.0", "PHOTO;TYPE=JPEG:"),
    "with a space behind its name": ("3.0", "PHOTO ;ENCODING=b:"),
    "with a space behind its encoding": ("3.0", "LOGO;ENCODING=BASE64 ;TYPE=JPEG:"),
    "in a group with a space": ("3.0", "item 1.PHOTO;ENCODING=b:"),
    "folded before its colon": ("3.0", "PHOTO;TYPE=JPEG;\r\n ENCODING=b:"),
    "under another name": ("3.0", "X-PHOTO;ENCODING=b;TYPE=JPEG:"),
    "in place of a key": ("4.0", "KEY:data:image/jpeg;base64,"),
}


@pytest.mark.parametrize("written", HEADS)
def test_a_photo_however_it_is_written_tells_no_place(fit: Fit, tmp_path: Path, written: str) -> None:
    version, head = HEADS[written]
    before = pictures.save(pictures.photograph(60, 60), "JPEG", exif=pictures.exif(gps=True))
    code = base64.b64encode(before + bytes(-len(before) % 3 + 1)).decode().rstrip("=")
    fitted = fit(card(version).replace(b"END:", f"{head}{code}\r\n\r\nEND:".encode()))
    assert probe_media(tmp_path / "upload", max_pixels=200_000_000).has_location
    assert fitted.given_up == ("location and other metadata of the photo removed",)
    photo = photo_of(fitted)
    assert photo is not None
    assert not photo.getexif()
    assert code[:200].encode() not in fitted.path.read_bytes().replace(b"\r\n ", b"")
    assert fit(fitted.path.read_bytes()).untouched


@pytest.mark.parametrize(
    "line", ["PHOTO;ENCODING=b:/9j/4A", "PHOTO:file:///home/anna/me.jpg", "NOTE:seen at:/9j/" + "a" * 300]
)
def test_what_may_be_a_photo_and_cannot_be_read_does_not_go_out(fit: Fit, line: str) -> None:
    fitted = fit(card().replace(b"END:", line.encode() + b"\r\nEND:"))
    assert fitted.given_up == ("photo left out",)
    assert fitted.path.read_bytes() == card()


def test_a_link_to_a_photo_does_not_go_out(fit: Fit) -> None:
    link = b"PHOTO;VALUE=uri:https://photos.example/anna.jpg?for=447700900123\r\n"
    fitted = fit(card().replace(b"END:", b"URL:https://anna.example/\r\n" + link + b"END:"))
    assert fitted.given_up == ("link to a photo left out",)
    assert fitted.path.read_bytes() == card().replace(b"END:", b"URL:https://anna.example/\r\nEND:")


def test_nothing_goes_out_behind_the_picture_in_its_own_line(fit: Fit) -> None:
    photos = (pictures.save(pictures.photograph(side, side), "JPEG") for side in range(60, 120))
    plain = card("3.0", next(photo for photo in photos if len(photo) % 3 == 1))
    assert fit(plain).untouched
    told = base64.b64encode(b"Anna lives here")
    end = plain.index(b"==\r\nEND:") + 2
    fitted = fit(plain[:end] + b"\r\n " + told + plain[end:])
    assert photo_of(fitted) is not None
    assert told not in fitted.path.read_bytes().replace(b"\r\n ", b"")


@pytest.mark.parametrize("indent", ["", " "])
def test_lines_behind_an_old_photo_stay(fit: Fit, indent: str) -> None:
    before = pictures.save(pictures.photograph(60, 60), "JPEG", exif=pictures.exif(gps=True))
    code = base64.b64encode(before).decode()
    folded = "".join(f"{indent}{code[at : at + 76]}\r\n" for at in range(0, len(code), 76))
    behind = "\r\nX-P2P:hello\r\nX_ABC:world\r\nTEL2;CELL:+447700900124\r\nEND:"
    fitted = fit(card("2.1").replace(b"END:", f"PHOTO;ENCODING=BASE64;JPEG:\r\n{folded}{behind}".encode()))
    assert fitted.given_up == ("location and other metadata of the photo removed",)
    assert photo_of(fitted) is not None
    assert fitted.path.read_bytes().endswith(b"\r\n" + behind.encode() + b"VCARD\r\n")


def test_what_has_no_photo_stays_as_it_came_byte_for_byte(fit: Fit) -> None:
    others = (
        b"NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:"
        + b"=C3=BC" * 9
        + b"=\r\n"
        + b"=C3=A4" * 12
        + b"=\r\nTEL: x\r\n"
        b"ADR:;;1 Long\r\n Street;London\r\n"
        b"SOUND;ENCODING=BASE64:\r\n" + b"QUJD" * 18 + b"\r\n" + b"QUJD\r\n\r\n"
        b"URL:https://example.com/" + b"x" * 100 + b"\n"
    )
    photo = pictures.save(pictures.photograph(60, 60), "JPEG", exif=pictures.exif(gps=True))
    fitted = fit(card("2.1", photo).replace(b"PHOTO", others + b"PHOTO"))
    assert not fitted.untouched
    assert fitted.path.read_bytes().startswith(card("2.1").replace(b"END:VCARD\r\n", others) + b"PHOTO")


@pytest.mark.parametrize(
    ("charset", "name"),
    [("ISO-8859-1", "Zoë Müller"), ("SHIFT_JIS", "山田表太郎"), ("windows-1251", "Анна"), ("x-none", "Zoë")],
)
def test_a_name_in_its_own_charset_becomes_utf_8_and_no_longer_names_it(fit: Fit, charset: str, name: str) -> None:
    quoted = quopri.encodestring("Ü".encode("latin-1")).strip() + b"=\r\n\xdc"
    written = name.encode("latin-1" if charset == "x-none" else charset)
    lines = (
        *(b"BEGIN:VCARD", b"VERSION:2.1", b"N;CHARSET=" + charset.encode() + b":" + written),
        *(b"NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:" + quoted, b"END:VCARD", b""),
    )
    fitted = fit(b"\r\n".join(lines))
    assert fitted.given_up == ("letters written as UTF-8",)
    written_lines = fitted.path.read_bytes().split(b"\r\n")
    assert written_lines[2] == b"N:" + name.encode()
    assert written_lines[3:5] == [b"NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=DC=", b"=DC"]
    assert fit(fitted.path.read_bytes()).untouched


def test_a_letter_that_a_fold_cut_in_two_is_whole_again(fit: Fit) -> None:
    fitted = fit(card().replace("FN:Zoë".encode(), b"FN:Zo\xc3\r\n \xab"))
    assert fitted.path.read_bytes() == card()


def test_a_long_old_photo_is_read_line_by_line_once() -> None:
    """Quadratic joining took 27 seconds for this one, and more than an hour for one ten times as long."""
    code = b"QUJD" * 19 + b"\r\n"
    content = card("2.1").replace(b"END:", b"PHOTO;ENCODING=BASE64:\r\n" + code * 600_000 + b"\r\nEND:")
    assert sum(len(line.photo or b"") for line in parse_vcard(content)) == 600_000 * 57


@pytest.mark.parametrize(
    "content",
    [
        card()[:-14],
        card().replace(b"VERSION:3.0", b"VERSION:9.9"),
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nNOTE:x\r\nEND:VCARD\r\n",
    ],
)
def test_what_is_no_whole_contact_is_refused(fit: Fit, content: bytes) -> None:
    with pytest.raises(MediaDamaged):
        fit(content)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(max_size=60), max_size=8), max_bytes=st.integers(100, 2_000))
def test_any_lines_give_a_contact_within_the_budget_or_one_of_our_errors(
    fit: Fit, lines: list[str], max_bytes: int
) -> None:
    text = "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", "FN:A", *lines, "END:VCARD", ""])
    try:
        fitted = fit(text.encode("utf-8", "replace"), Budget(max_bytes, 1920))
    except PostcardError:
        return
    assert fitted.bytes <= max_bytes
