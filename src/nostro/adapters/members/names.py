"""Under which keys do batches and messages stand in the ordered log?

Every name ends in the SHA-256 of what it holds. So nobody can take the name that another one's
message would have, two contradicting messages of one member stand side by side as evidence, and a
value that was changed no longer fits its name.

    chunk/<hash>                            a piece of a body, compressed
    request/<batch id>/<hash>               which pieces make the body of a batch
    <kind>/<member>/<height>/<round>/<hash> a signed message of a member (proposal, prevote, ...)
    certificate/<height>/<hash>             q precommits and their entry
    rejection/<height>/<hash>               q prevotes that refuse an entry
    evidence/<member>/<hash>                two messages that contradict each other
"""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64decode, b64encode

import msgspec

from nostro.consensus import (
    Certificate,
    EncodingError,
    Entry,
    Evidence,
    decode_certificate,
    decode_entry,
)

CHUNK_BYTES_MAX = 512 << 10
"""Half of what one value may have (field note 2.3)."""
BODY_BYTES_MAX = 16 << 20
"""A batch has at most 1,000 payments; 16 kB for each is beyond every remittance text."""
CHUNKS_MAX = 64
"""More than BODY_BYTES_MAX fills, compressed or not; with the request it fits one append."""
_NAME = re.compile(r"[^A-Za-z0-9._:@+-]")
_HASH = re.compile(r"[0-9a-f]{64}\Z")


class Request(msgspec.Struct, frozen=True):
    """What stands under `request/`: the batch, SHA-256 of its body as it is (hex), and of its
    pieces as they stand in the log."""

    cycle_id: str
    batch_id: str
    body_sha256: str
    chunks: list[str]


class Shown(msgspec.Struct, frozen=True):
    """What stands under `certificate/` and `rejection/`: both in their canonical encoding, in
    base64."""

    entry: str
    certificate: str

    @classmethod
    def of(cls, entry: Entry, certificate: Certificate) -> Shown:
        """Return what shows a certificate."""
        return cls(b64encode(entry.encode()).decode(), b64encode(certificate.encode()).decode())

    @classmethod
    def read(cls, value: bytes) -> Shown:
        """Return what `encode` wrote, unchecked; raises Unreadable."""
        try:
            return _shown.decode(value)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"no certificate: {error}") from error

    def encode(self) -> bytes:
        """Return the value for the log."""
        return _encoder.encode(self)

    def decoded(self) -> tuple[Entry, Certificate]:
        """Return entry and certificate, of which nothing has been checked; raises Unreadable."""
        try:
            return (
                decode_entry(b64decode(self.entry, validate=True)),
                decode_certificate(b64decode(self.certificate, validate=True)),
            )
        except (EncodingError, ValueError) as error:
            raise Unreadable(f"no certificate: {error}") from error


_encoder = msgspec.json.Encoder()
_shown = msgspec.json.Decoder(Shown)
_requests = msgspec.json.Decoder(Request)


class Unreadable(Exception):
    """What stands in the log is not what its name promises, or nothing that anybody wrote."""


def key_of(kind: str, *parts: str | int, value: bytes) -> str:
    """Return the key of a value: its kind, where it belongs, and its hash."""
    told = [f"{part:020}" if isinstance(part, int) else _NAME.sub("_", part) for part in parts]
    return "/".join((kind, *told, hashlib.sha256(value).hexdigest()))


def kind_of_key(key: str, value: bytes) -> str:
    """Return the kind of a value that fits its key; raises Unreadable when it does not."""
    if key.rpartition("/")[2] != hashlib.sha256(value).hexdigest():
        raise Unreadable(f"{key} does not hold what its name says")
    return key.partition("/")[0]


def request_items(*, cycle_id: str, batch_id: str, body: str) -> list[tuple[str, bytes]]:
    """Return what puts a batch into the log: its pieces, then the request that names them.

    The same for the same batch, every time. Raises ValueError for a body beyond BODY_BYTES_MAX.
    """
    raw = body.encode()
    if len(raw) > BODY_BYTES_MAX:
        raise ValueError(f"a body of {len(raw)} bytes, at most {BODY_BYTES_MAX}")
    packed = zlib.compress(raw, 1)
    chunks = [
        packed[start : start + CHUNK_BYTES_MAX] for start in range(0, len(packed), CHUNK_BYTES_MAX)
    ]
    request = _encoder.encode(
        Request(
            cycle_id,
            batch_id,
            hashlib.sha256(raw).hexdigest(),
            [hashlib.sha256(chunk).hexdigest() for chunk in chunks],
        )
    )
    items = [(key_of("chunk", value=chunk), chunk) for chunk in chunks]
    return [*items, (key_of("request", batch_id, value=request), request)]


def read_request(value: bytes) -> Request:
    """Return a request; raises Unreadable."""
    try:
        request = _requests.decode(value)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"no request: {error}") from error
    hashes = (request.body_sha256, *request.chunks)
    if not 0 < len(request.chunks) <= CHUNKS_MAX or not all(map(_HASH.match, hashes)):
        raise Unreadable("a request whose pieces nobody could have written")
    return request


def unpacked(packed: bytes, body_sha256: str) -> str:
    """Return the body that the pieces of a request make, one after the other; raises Unreadable
    when they make another one, or none."""
    unpacking = zlib.decompressobj()
    try:
        raw = unpacking.decompress(packed, BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX or not unpacking.eof or unpacking.unused_data:
            raise Unreadable("the body is too long, or cut")
        if hashlib.sha256(raw).hexdigest() != body_sha256:
            raise Unreadable("the body is not the one that was asked for")
        return raw.decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise Unreadable(f"no body: {error}") from error


def evidence_value(evidence: Evidence) -> bytes:
    """Return what stands under `evidence/`: the two messages, in hex, each on a line of its own."""
    return f"{evidence.first.hex()}\n{evidence.second.hex()}\n".encode()


def read_evidence(value: bytes) -> tuple[bytes, bytes]:
    """Return the two messages, of which nothing has been checked; raises Unreadable."""
    try:
        first, second = value.decode("ascii").split()
        return bytes.fromhex(first), bytes.fromhex(second)
    except ValueError:
        raise Unreadable("no evidence") from None
