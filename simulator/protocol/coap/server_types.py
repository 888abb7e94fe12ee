"""What a CoAP server and its handlers say to each other."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from simulator.protocol.coap.options import Options

Peer = int
"""An endpoint as one number, equal to `wire.address.Address`; the layer only compares it."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One logical request; a payload that came in blocks is whole."""

    code: int
    """Method: 1 GET, 2 POST, 3 PUT, 4 DELETE."""
    path: tuple[bytes, ...]
    """Segments, undecoded; any bytes may occur."""
    path_text: str
    """The same as text without leading slash, whatever is no UTF-8 replaced."""
    options: Options
    payload: bytes
    peer: Peer
    confirmable: bool
    size_bytes: int
    """Length of the datagram that completed the request."""
    accept: int | None = None
    """The content format that the client insists on; None: any."""
    resumed: bool = False
    """True: the client asks for a later block of an answer that is not kept, or no longer. Answer with the whole
    content again where asking changes nothing (a firmware image), else with 4.08: block 0 handed out what it was."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """The whole answer; the layer cuts it into blocks where it must."""

    code: int
    """0x41 is 2.01: class in the upper three bits."""
    payload: bytes = b""
    options: Options = ()
    """Ascending by number, without Block1, Block2, Size1, Size2 and ETag, which are the layer's."""
    block2: bool = False
    """True: with Block2 and Size2 even where one block holds it all (span §5.3)."""
    keep: bool = True
    """False: not stored for the blocks to come; the handler is asked again for each, with `resumed`. For content that
    is there anyway and can be read twice."""
    etag: bytes | None = None
    """Sent with every block. None: made from the payload; b"": no ETag."""


Handler = Callable[[Request, float], Response | None]
"""Called once per logical request with the request and the run time; None means silence, also when it comes again."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a server layer allows itself and its clients. The bounds hold whatever is sent."""

    max_upload_bytes: int = 65536
    """Largest payload of a request; more is answered 4.13."""
    block2_szx: int = 3
    """Largest block of an answer, 2 ** (szx + 4) bytes; 3 is 128 (span §4.3 [I weak])."""
    block1_szx: int = 6
    """Largest block of a request that the server asks for; 6 is 1024, the most there is. Larger ones are taken too."""
    ring: int = 8
    """Messages per peer whose repetition is recognised."""
    peers: int = 262_144
    """Peers in session whose messages are remembered."""
    strangers: int = 4096
    """The same for peers whose address is not verified."""
    uploads: int = 1024
    """Uploads in blocks that may be under way at once; the one that waited longest goes first."""
    stranger_uploads: int = 16
    uploads_bytes: int = 16 << 20
    """What all uploads under way hold together, at most."""
    answers: int = 4096
    """Large answers kept for clients that fetch them block by block."""
    stranger_answers: int = 16
    answers_bytes: int = 16 << 20
    transfer_age_s: float = 3600.0
    """How long a transfer may pause before it is forgotten (span §4.3: the operator's test bench waits 1 h)."""
    strangers_bytes: int = 256 << 10
    """What all uploads of strangers hold together, at most; their answers as much again."""
    option_blocks: int = 4096
    """Distinct option blocks whose meaning is remembered."""

    def __post_init__(self) -> None:
        """Raises: ValueError: a block size that does not exist, or no room at all."""
        if not (0 <= self.block2_szx <= 6 and 0 <= self.block1_szx <= 6):
            raise ValueError(f"block sizes go from szx 0 to 6, not {self.block2_szx} and {self.block1_szx}")
        if self.ring < 1 or self.max_upload_bytes < 1:
            raise ValueError("a ring holds at least 1 message, and an upload 1 byte")
