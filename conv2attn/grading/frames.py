"""Frames on a socket: two lengths, that much JSON, that many bytes of numbers.

What the numbers are, and what the JSON says about them, is the matter of `wire`. A guard passes
frames on without looking into them; so this module needs no torch.
"""

import json
import socket
import struct
from typing import Any

LENGTHS = struct.Struct("!II")
MAX_JSON = 4 * 2**20
MAX_NUMBERS = 64 * 2**20


class ProtocolError(ValueError):
    """Bytes that are no frame, a frame that is too large, or data that is not what it says."""


def send(connection: socket.socket, message: Any, numbers: bytes = b"") -> None:
    """Write one frame. No limit: that is for the reader to keep."""
    text = json.dumps(message).encode()
    connection.sendall(LENGTHS.pack(len(text), len(numbers)) + text + numbers)


def receive(connection: socket.socket) -> tuple[Any, bytes]:
    """Read one frame, of any size: only for what a trusted process has written.

    Raises:
        EOFError: the other side closed the connection.
    """
    text, numbers = LENGTHS.unpack(_exactly(connection, LENGTHS.size))
    return json.loads(_exactly(connection, text)), _exactly(connection, numbers)


def frame_size(start: bytes) -> int:
    """How long the frame that begins with these bytes is; 0 while that is not known yet.

    Raises:
        ProtocolError: it is larger than an answer may be.
    """
    if len(start) < LENGTHS.size:
        return 0
    text, numbers = LENGTHS.unpack(start[: LENGTHS.size])
    if text > MAX_JSON or numbers > MAX_NUMBERS:
        raise ProtocolError(
            f"at most {MAX_NUMBERS >> 20} MB of numbers and {MAX_JSON >> 20} MB of the rest are expected"
        )
    return LENGTHS.size + text + numbers


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 2**20))
        if not part:
            raise EOFError("the connection was closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
