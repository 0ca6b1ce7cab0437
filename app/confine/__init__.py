"""Confine: decoders of untrusted bytes, in processes with limits; imports no stage, only model and below.

pool      DecoderPool: what the path holds; queues callers, kills what runs too long, says what went wrong
forks     our end of the fork server: starts it, has it fork and reap
nursery   the fork server: one clean process that has imported the decoders and forks from there
decoder   one forked process: limits itself, then does one job at a time
programs  ffmpeg and gifsicle, as children of a decoder
feed      ffmpeg fed with pictures of our own
wire      what goes over the socket: JSON only, never a pickle from a process that may be taken over
"""

from app.confine.pool import DecoderPool

__all__ = ["DecoderPool"]
