"""Certificates made for a test, as files: an authority, a broker's and a client's; and another authority."""

from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives import serialization


class Files(NamedTuple):
    """PEM files. ``broker`` holds the broker's key and chain, as Kafka takes a key store."""

    authority: Path
    broker: Path
    misnamed: Path
    certificate: Path
    key: Path
    locked_key: Path
    other_authority: Path
    other_certificate: Path
    other_key: Path


KEY_PASSWORD = "the-key-is-under-this"  # noqa: S105 - made for this test


def make(home: Path) -> Files:
    """Make them all. The broker's certificate is for 127.0.0.1 and localhost, the misnamed one for broker.example."""
    authority, other = trustme.CA(), trustme.CA()
    files = Files(*(home / f"{name}.pem" for name in Files._fields))
    home.mkdir(parents=True)
    for store, names in ((files.broker, ("127.0.0.1", "localhost")), (files.misnamed, ("broker.example",))):
        issued = authority.issue_cert(*names)
        store.write_bytes(_key(issued) + b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    for maker, certificate, key in (
        (authority, files.certificate, files.key),
        (other, files.other_certificate, files.other_key),
    ):
        issued = maker.issue_cert("worker.example")
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        key.write_bytes(_key(issued))
        if maker is authority:
            files.locked_key.write_bytes(_key(issued, KEY_PASSWORD))
    authority.cert_pem.write_to_path(files.authority)
    other.cert_pem.write_to_path(files.other_authority)
    return files


def _key(issued: trustme.LeafCert, password: str | None = None) -> bytes:
    """The private key as PKCS 8, which Java reads."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
