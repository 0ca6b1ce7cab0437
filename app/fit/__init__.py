"""Fit: the best media that a budget allows; imports no other stage, no Flask, no database. Runs inside confine.

What asks for a fitting imports `media` (and `share`, `shown`, `choice`, `progress`, `foresee`, `video_plan`, `audio_plan`), which
load no decoder; the processes that fit have imported `media.DECODERS` before they begin.

media     fit_media: the entry, by kind          share     share_budget: one message, several parts
still     fit_still: a picture to JPEG or PNG    pixels    decoded, upright, sRGB, no larger than the side
codecs    the JPEG encoders                      jpeg      the search for the quality
sample    some rows that foretell the bytes      libraries  what is faster than Pillow, where it is there
png       flat art without loss                  strip     metadata out, pixels untouched
arrays    what is done to pixels, by OpenCV or not   colors  to sRGB, by profile or gamma
animation fit_animation: to GIF                  frames    decoded once, kept as what changed
animation_plan: colours, side and frames chosen together by measuring a few frames
lever     side or colours, from run to run       palette   few colours, chosen by eye or by levels
gif       what changed, gifsicle                 stand_in  its first frame, or an MP4 of it, by choice
video     fit_video: to MP4 or 3GP               video_plan  plan_video: size, rate, bits, seconds that fit
reduce    decoded once, upright, SDR, small      two_pass  H.264 to the byte budget
h263      the same for 3GP                       poster    make_poster: one picture of a video
foresee   is_foreseen_to_fit: from the facts alone   hidden  what an MP4 carries besides   boxes  what it is made of
passing   which clips go out as they came        progress  how far it is, for whoever waits
audio     fit_audio: to M4A, AMR or MP3          audio_plan  plan_audio
choice    what may be chosen: form and cut       contact   fit_contact: a vCard and its photo
shown     a stranger's picture for a page of ours
ssim      how much is left of it                 output    written, counted, hashed, never over the budget
"""

from app.fit.media import fit_media
from app.fit.share import share_budget

__all__ = ["fit_media", "share_budget"]
