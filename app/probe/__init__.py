"""Probe: what a file really is, by its bytes; imports no other stage, no Flask, no database. Runs inside confine.

media       probe_media: the entry
sniff       the first bytes: which format, or the name of what we do not take
ends        where each format ends: truncation, and strangers behind the end; by frames in sound_ends, flac, matroska
still       what a decoder says of a picture or an animation
clip        what ffmpeg says of a video or a sound file
contact     what a vCard holds
metadata    what else is in it: location, EXIF, XMP, IPTC
"""

from app.probe.media import probe_media

__all__ = ["probe_media"]
