"""The list of a video's coded pictures: the same from the tables of an MP4 as from ffmpeg, and harmless whatever they say."""

import random
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from app.fit.choice import Cut
from app.fit.foreseen import write_statistics
from app.fit.packets import Packet, read_packets
from app.fit.video_plan import plan_video
from app.model.media import WHOLE, Budget, Facts, Kind
from app.probe import probe_media
from tests.media import clips

ALL = Cut(0, 4, whole=True)
CODED = ("-c:v", "libx264", "-g", "20", "-bf", "2")


def listed(folder: Path, content: bytes, cut: Cut = ALL) -> list[Packet]:
    path = folder / "upload"
    path.write_bytes(content)
    return read_packets(path, probe_media(path, max_pixels=1_000_000), cut)


def remuxed(folder: Path, content: bytes, name: str, *options: str) -> bytes:
    source = folder / "source"
    source.write_bytes(content)
    return clips.make(name, "-i", str(source), "-c", "copy", *options)


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_the_tables_tell_what_ffmpeg_tells(tmp_path: Path, suffix: str, uneven: bool) -> None:
    content = clips.with_uneven_times() if uneven else clips.coded("c.mp4", *CODED, seconds=4)
    tables = listed(tmp_path, remuxed(tmp_path, content, f"c.{suffix}"))
    told = listed(tmp_path, remuxed(tmp_path, content, "c.mkv"))
    assert [(each.length, each.is_whole) for each in tables] == [(each.length, each.is_whole) for each in told]
    assert [each.seconds for each in tables] == pytest.approx([each.seconds for each in told], abs=0.07)
    assert 1 <= sum(each.is_whole for each in tables) < len(tables)


def test_an_mp4_in_fragments_is_listed_too(tmp_path: Path) -> None:
    content = clips.coded("c.mp4", *CODED, seconds=4)
    longer = Cut(0, 5, whole=True)  # they tell no edits: times begin later
    whole = listed(tmp_path, content, longer)
    pieces = listed(tmp_path, remuxed(tmp_path, content, "f.mp4", "-movflags", "frag_keyframe+empty_moov"), longer)
    assert len(pieces) == len(whole)
    assert sum(each.length for each in pieces) == pytest.approx(sum(each.length for each in whole), rel=0.02)


def test_a_cut_begins_with_the_whole_picture_before_it(tmp_path: Path) -> None:
    packets = listed(tmp_path, clips.coded("c.mp4", *CODED, seconds=4), Cut(1.5, 1, whole=False))
    assert packets[0].is_whole
    assert packets[0].seconds < 0 <= packets[1].seconds
    assert packets[-1].seconds < 1
    assert all(before.seconds <= after.seconds for before, after in pairwise(packets))


def test_tables_that_lie_are_no_harm(tmp_path: Path) -> None:
    content = clips.coded("c.mp4", *CODED, seconds=4)
    path = tmp_path / "upload"
    path.write_bytes(content)
    facts = probe_media(path, max_pixels=1_000_000)
    plan = plan_video(facts, Budget(100_000, 1920), WHOLE)
    begin, chance = content.index(b"moov"), random.Random(7)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(begin, len(content))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        path.write_bytes(broken)
        packets = read_packets(path, facts, ALL)
        assert all(packet.seconds < ALL.seconds for packet in packets)
        write_statistics(tmp_path / "log", packets, facts, plan)
        assert len((tmp_path / "log").read_text().splitlines()) <= 1 + 3 + (plan.seconds + 1) * plan.fps


def test_a_picture_from_long_before_makes_no_long_list(tmp_path: Path) -> None:
    facts = Facts(Kind.VIDEO, "video/mp4", 9_000_000, 640, 360, frames=100, seconds=4.0, channels=0)
    plan = plan_video(facts, Budget(290_000, 1920), WHOLE)
    packets = [Packet(-1e9, 5_000, is_whole=True), *(Packet(at / 25, 900, is_whole=False) for at in range(100))]
    write_statistics(tmp_path / "log", packets, facts, plan)
    assert len((tmp_path / "log").read_text().splitlines()) <= 1 + 3 + 5 * plan.fps


def test_a_table_with_more_samples_than_bytes_is_not_believed(tmp_path: Path) -> None:
    content = bytearray(clips.coded("c.mp4", *CODED, seconds=4))
    at = content.index(b"stsz") + 12
    struct.pack_into(">I", content, at, 2**31)
    path = tmp_path / "upload"
    path.write_bytes(content)
    facts = Facts(Kind.VIDEO, "video/mp4", len(content), 640, 360, frames=100, seconds=4.0)
    assert len(read_packets(path, facts, ALL)) < 1_000
