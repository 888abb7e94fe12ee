"""What aiocoap has to be told to speak through a port of ours: an address, an interface, and when to forget.

aiocoap draws ids, tokens and timeouts from Python's global random numbers and never gives a message up once it is on
its way; here they come from a seed, and a message that nobody waits for any more can be dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiocoap import Context, Message, interfaces  # type: ignore[import-untyped]
from aiocoap.messagemanager import MessageManager  # type: ignore[import-untyped]
from aiocoap.numbers.constants import TransportTuning  # type: ignore[import-untyped]
from aiocoap.tokenmanager import TokenManager  # type: ignore[import-untyped]

from simulator.wire.address import Address, Ipv4, host_text, text


class WireRemote(interfaces.EndpointAddress):  # type: ignore[misc]
    """A platform as one request of one device sees it. Compared by identity: whatever is left of an earlier request
    to the same platform then cannot hold up or end this one."""

    scheme = "coap"
    is_multicast = False
    is_multicast_locally = False
    maximum_block_size_exp: int = 6  # set for each request; aiocoap lowers it on its own account as well
    maximum_payload_size = 1024  # up to here one message; aiocoap would otherwise send 1124 bytes in one

    def __init__(self, peer: Address, local_ip: Ipv4, szx: int) -> None:
        self.peer, self.local_ip = peer, local_ip
        self.maximum_block_size_exp = szx
        self.transmissions = 0
        """Requests sent, with repetitions."""
        self.mid = -1
        """Message id of the last request sent."""
        self.touched = 0.0
        """Loop time when a request was last sent, or an answer received."""
        self.abandoned = False
        """Nobody waits for an answer any more."""

    @property
    def hostinfo(self) -> str:
        return text(self.peer)

    @property
    def hostinfo_local(self) -> str:
        return host_text(self.local_ip)

    @property
    def uri_base(self) -> str:
        return f"coap://{self.hostinfo}"

    @property
    def uri_base_local(self) -> str:
        return f"coap://{self.hostinfo_local}"

    @property
    def blockwise_key(self) -> tuple[Address, Ipv4]:
        return (self.peer, self.local_ip)

    def __repr__(self) -> str:
        return f"<{self.hostinfo_local} to {self.hostinfo}>"


class WireInterface(interfaces.MessageInterface):  # type: ignore[misc]
    """Hands the messages of one context to `send`."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send

    def send(self, message: Message) -> None:
        self._send(message)

    async def recognize_remote(self, remote: object) -> bool:
        return isinstance(remote, WireRemote)

    async def determine_remote(self, message: Message) -> None:
        """None: every message is made with its remote."""

    async def shutdown(self) -> None:
        """Nothing is held: the port belongs to whoever opened it."""


class Messages(MessageManager):  # type: ignore[misc]
    """aiocoap's message layer, with an end for what nobody waits for."""

    def abandon(self, remote: WireRemote) -> None:
        """Send nothing more to this remote."""
        remote.abandoned = True
        exchanges = self._active_exchanges or {}
        for key in [key for key in exchanges if key[0] is remote]:
            _, retransmission = exchanges.pop(key)
            retransmission.cancel()
        self._backlogs.pop(remote, None)

    def _send_initially(self, message: Message, messageerror_monitor: Any = None) -> None:
        """A request that was abandoned before its task came to send it stays where it is: with nobody left to give it
        up, it would be repeated in whatever session its device has next."""
        if not message.remote.abandoned:
            super()._send_initially(message, messageerror_monitor)


class Stack:
    """One device's own aiocoap context."""

    __slots__ = ("context", "messages", "tokens")

    def __init__(self, loop: Any, logger: str, spin: int, send: Callable[[Message], None]) -> None:
        """`spin`: 64 bits that decide where message ids and tokens begin."""
        self.context = Context(loop=loop, loggername=logger)
        self.tokens = TokenManager(self.context)
        self.messages = Messages(self.tokens)
        self.messages.message_interface = WireInterface(send)
        self.tokens.token_interface = self.messages
        self.context.request_interfaces.append(self.tokens)
        self.messages.message_id = spin & 0xFFFF
        self.tokens._token = spin >> 32


class Tuning(TransportTuning):  # type: ignore[misc]
    """Transmission parameters of one request. The first timeout is already drawn, so nothing is left to chance."""

    ACK_RANDOM_FACTOR = 1.0

    def __init__(self, *, reliable: bool, first_timeout_s: float, max_retransmit: int) -> None:
        self.reliability = reliable
        self.ACK_TIMEOUT = first_timeout_s
        self.MAX_RETRANSMIT = max_retransmit
