"""SeaweedFS from inside, for what S3 cannot do: make an object older than it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import grpc  # type: ignore[import-untyped]  # -- ships no types
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (  # type: ignore[import-untyped]  # -- ships no types
    ProtoReflectionDescriptorDatabase,
)

from app.host.embedded import EmbeddedStore

_FILER = "filer_pb.SeaweedFiler"


def backdate(server: EmbeddedStore, *, bucket: str, key: str, age: timedelta) -> None:
    """Make an object look as if it had been written ``age`` before it was."""
    folder, _, name = f"/buckets/{bucket}/{key}".rpartition("/")
    with _filer(server) as call:
        entry = call("LookupDirectoryEntry", directory=folder, name=name).entry
        for stamp in ("mtime", "crtime", "ctime"):
            setattr(entry.attributes, stamp, getattr(entry.attributes, stamp) - int(age.total_seconds()))
        call("UpdateEntry", directory=folder, entry=entry)


@contextmanager
def _filer(server: EmbeddedStore) -> Iterator[Callable[..., Any]]:
    certificate, key = ((server.folder / name).read_bytes() for name in ("grpc.crt", "grpc.key"))
    ours = grpc.ssl_channel_credentials(certificate, key, certificate)
    with grpc.secure_channel(f"127.0.0.1:{server.ports['filer.grpc']}", ours) as channel:
        service = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(_FILER)

        def call(method: str, /, **fields: Any) -> Any:
            described = service.methods_by_name[method]
            request = GetMessageClass(described.input_type)(**fields)
            invoke = channel.unary_unary(
                f"/{_FILER}/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=GetMessageClass(described.output_type).FromString,
            )
            return invoke(request)

        yield call
