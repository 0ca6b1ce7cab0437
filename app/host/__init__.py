"""Stage 4, host: bytes -> key -> URL. May import model, telemetry, settings, errors; no other stage, Flask or database.

address    the key of bytes, and back
s3         the one store: boto3 against any S3 endpoint
client     how boto3 is set up; answers: what its errors mean; multipart: large uploads
lifecycle  the bucket's rules as it states them; lease: what they mean for a send
selftest   fetch a hosted object as OpenMarket will
bucket     the bucket as it should be: apply and compare
embedded   an S3 server on this machine; seaweed: how it is set up; ports: where it listens
"""
