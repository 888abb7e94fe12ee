"""`stack: aiocoap`: devices that speak CoAP through aiocoap, over the same port as those of our own engine.

A second, independent implementation (architecture §2.5): what both ends of ours have wrong in the same way shows here.
Each device has its own context, made when it first asks for something. Message layer, tokens and blocks are aiocoap's;
ours is only what a fleet needs around them: one request of a device at a time, an end to waiting for answers that
never come (aiocoap waits for ever once a request is acknowledged), and results in the shape of `Engine`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from aiocoap import Message, error  # type: ignore[import-untyped]
from aiocoap.numbers.types import Type  # type: ignore[import-untyped]

from simulator.acts import Answer, NoAnswer
from simulator.protocol.coap.codec import reset
from simulator.protocol.coap.exchange import splitmix64
from simulator.protocol.coap.numbers import URI_PATH, URI_QUERY, is_request
from simulator.protocol.coap.options import path_options
from simulator.protocol.coap.sending import Counts
from simulator.protocol.coap.settings import Settings
from simulator.wire.address import Address, Ipv4
from simulator.wire.aiocoap_remote import Stack, Tuning, WireRemote
from simulator.wire.ports import Port

Done = Callable[[Any, Answer | NoAnswer, float], None]

LOGGER = "simulator.aiocoap"


class Pending:
    """One request: the handle for `AiocoapStack.cancel`."""

    __slots__ = ("argument", "device", "done", "message", "over", "received_bytes", "remote", "request", "watch")

    def __init__(self, device: _Device, remote: WireRemote, message: Message, done: Done, argument: Any) -> None:
        self.device, self.remote, self.message = device, remote, message
        self.done, self.argument = done, argument
        self.over = False
        self.received_bytes = 0
        self.request: Any = None  # aiocoap's; None: waits in line
        self.watch: asyncio.TimerHandle | None = None


class _Device:
    __slots__ = ("current", "ip", "queue", "requests", "stack", "starts")

    def __init__(self, ip: Ipv4) -> None:
        self.ip = ip
        self.starts = 0
        self.requests = 0
        self.stack: Stack | None = None
        self.current: Pending | None = None
        self.queue: deque[Pending] = deque()


class AiocoapStack:
    """The CoAP clients of many devices; `request` and `receive` as those of `protocol.coap.client.Engine`.

    Nothing but `call_soon`, `call_later`, `time` and tasks is used of the loop, so it may be one of virtual time.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, port: Port, seed: int, settings: Settings | None = None
    ) -> None:
        """`port` stays the caller's. `settings`: what `Engine` takes; `nstart` is always 1."""
        self.settings = settings or Settings()
        self.counts = Counts()
        self._loop = loop
        self._port = port
        self._seed = splitmix64(seed & 0xFFFFFFFFFFFFFFFF)
        self._devices: dict[Ipv4, _Device] = {}
        self._runners: dict[asyncio.Task[None], None] = {}
        self._ahead = 0.0  # run time minus loop time
        self._closed = False
        logger = logging.getLogger(LOGGER)
        if logger.level == logging.NOTSET:  # a lossy link is no news: the results say what came of each request
            logger.setLevel(logging.CRITICAL)

    def request(
        self,
        local_ip: Ipv4,
        peer: Address,
        code: int,
        path: str,
        payload: bytes,
        confirmable: bool,
        done: Done,
        argument: Any,
        now: float,
        *,
        szx: int | None = None,
    ) -> Pending:
        """Ask `peer` for something in the name of a device; `done` is called once, in a later turn of the loop.

        Raises: ValueError: a path segment of more than 255 bytes, `code` is no method.
        """
        if not is_request(code):
            raise ValueError(f"code {code} is no method; methods are 1 to 31")
        self._ahead = now - self._loop.time()
        device = self._devices.get(local_ip)
        if device is None:
            device = self._devices[local_ip] = _Device(local_ip)
        settings = self.settings
        device.requests += 1
        chance = splitmix64(self._seed ^ local_ip << 24 ^ device.requests) / 2**64
        stretch = 1 + (settings.ack_random_factor - 1) * chance
        tuning = Tuning(
            reliable=confirmable,
            first_timeout_s=settings.ack_timeout_s * stretch,
            max_retransmit=settings.max_retransmit,
        )
        options = path_options(path)
        message = Message(code=code, payload=payload, transport_tuning=tuning)
        message.opt.uri_path = tuple(value.decode() for number, value in options if number == URI_PATH)
        message.opt.uri_query = tuple(value.decode() for number, value in options if number == URI_QUERY)
        message.remote = remote = WireRemote(peer, local_ip, settings.szx if szx is None else szx)
        pending = Pending(device, remote, message, done, argument)
        if self._closed:
            self._end(pending, "cancelled")
        elif device.current is not None:
            device.queue.append(pending)
        else:
            self._start(pending)
        return pending

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """A datagram for a device (a `ports.Receiver`); for one that never asked for anything it is dropped."""
        self._ahead = now - self._loop.time()
        device = self._devices.get(local_ip)
        if device is None or device.stack is None:
            self.counts.unmatched += 1
            return
        pending = device.current
        remote = pending.remote if pending is not None and pending.remote.peer == peer else None
        try:
            message = Message.decode(data, remote or WireRemote(peer, local_ip, self.settings.szx))
        except Exception:  # aiocoap names one error, but its options raise others at odd values
            self.counts.malformed += 1
            return
        if is_request(message.code):  # devices serve nothing; aiocoap would remember each for 247 s
            self.counts.unmatched += 1
            if message.mtype is Type.CON:
                self._port.send(reset(message.mid), peer, local_ip)
            return
        if remote is None or pending is None:
            self.counts.unmatched += 1
        else:
            remote.touched = self._loop.time()
            pending.received_bytes += len(message.payload)
            if pending.received_bytes > self.settings.max_body_bytes:
                self._end(pending, "bad answer")
                return
            if message.mtype is Type.RST and message.mid == remote.mid:
                self._end(pending, "reset")  # aiocoap does not know resets of what is not confirmable
                return
        try:
            device.stack.messages.dispatch_message(message)
        except Exception as problem:  # whatever a peer's bytes do to aiocoap ends this request, not the process
            logging.getLogger(LOGGER).info("%s: %r", message, problem)
            self.counts.malformed += 1
            if pending is not None:
                self._end(pending, "bad answer")

    def cancel(self, pending: Pending) -> None:
        """End it as NoAnswer("cancelled"), told in the loop's next turn; nothing if it is over."""
        self._end(pending, "cancelled")

    def forget(self, local_ip: Ipv4) -> None:
        """The device lost power: all it has asked for is cancelled, and its ids and tokens go on elsewhere."""
        device = self._devices.get(local_ip)
        if device is None:
            return
        doomed = [*([device.current] if device.current else ()), *device.queue]
        device.queue.clear()
        for pending in doomed:
            self._end(pending, "cancelled")
        device.stack = None

    async def close(self) -> None:
        """Cancel everything, and wait until no task or timer of aiocoap is left. The port stays open."""
        self._closed = True
        stacks = []
        for device in self._devices.values():
            if device.stack is not None:
                stacks.append(device.stack)
            self.forget(device.ip)
        while self._runners:
            await asyncio.wait(list(self._runners))
        for stack in stacks:
            await stack.context.shutdown()
        await asyncio.sleep(0)  # the last results are told by `call_soon`

    def _start(self, pending: Pending) -> None:
        device = pending.device
        device.current = pending
        if device.stack is None:
            device.starts += 1
            spin = splitmix64(self._seed ^ device.ip << 32 ^ device.starts)
            device.stack = Stack(self._loop, LOGGER, spin, self._transmit)
        pending.remote.touched = self._loop.time()
        pending.request = request = device.stack.context.request(pending.message)
        runner = request._runner  # aiocoap keeps it to itself, but someone has to wait for its end
        self._runners[runner] = None
        runner.add_done_callback(self._runner_ended)
        request.response.add_done_callback(lambda response: self._answered(pending, response))
        self._watch(pending)

    def _runner_ended(self, runner: asyncio.Task[None]) -> None:
        self._runners.pop(runner, None)

    def _transmit(self, message: Message) -> None:
        remote = message.remote
        if is_request(message.code):
            counts = self.counts
            if message.mid != remote.mid:
                counts.sent += 1
                remote.mid = message.mid
            else:
                counts.retransmissions += 1
            remote.transmissions += 1
            remote.touched = self._loop.time()
        self._port.send(message.encode(), remote.peer, remote.local_ip)

    def _watch(self, pending: Pending) -> None:
        """Nothing heard for so long: aiocoap itself ends only what was never acknowledged."""
        settings = self.settings
        reliable = pending.message.transport_tuning.reliability
        patience_s = settings.separate_patience_s if reliable else settings.non_patience_s
        left = pending.remote.touched + patience_s - self._loop.time()
        if left <= 0:
            self._end(pending, "timeout")
        else:
            pending.watch = self._loop.call_later(left, self._watch, pending)

    def _answered(self, pending: Pending, response: asyncio.Future[Message]) -> None:
        if response.cancelled():
            self._end(pending, "cancelled")
            return
        problem = response.exception()
        if problem is None:
            answer = response.result()
            self._finish(pending, Answer(int(answer.code), answer.payload, pending.remote.transmissions))
        elif isinstance(problem, error.TimeoutError):
            self._end(pending, "timeout")
        elif isinstance(problem, error.LibraryShutdown):
            self._end(pending, "cancelled")
        else:
            self._end(pending, "bad answer")

    def _end(self, pending: Pending, reason: str) -> None:
        self._finish(pending, NoAnswer(reason, pending.remote.transmissions))

    def _finish(self, pending: Pending, result: Answer | NoAnswer) -> None:
        if pending.over:
            return
        pending.over = True
        self._count(result)
        if pending.watch is not None:
            pending.watch.cancel()
        device = pending.device
        if pending.request is not None:
            pending.request.response.cancel()  # nothing, if it is answered
            if device.stack is not None:
                device.stack.messages.abandon(pending.remote)
        elif pending in device.queue:
            device.queue.remove(pending)
        self._loop.call_soon(self._tell, pending, result)
        if device.current is pending:
            device.current = None
            if device.queue:
                self._start(device.queue.popleft())

    def _tell(self, pending: Pending, result: Answer | NoAnswer) -> None:
        pending.done(pending.argument, result, self._loop.time() + self._ahead)

    def _count(self, result: Answer | NoAnswer) -> None:
        counts = self.counts
        if isinstance(result, Answer):
            counts.answered += 1
        elif result.reason == "timeout":
            counts.timeouts += 1
        elif result.reason == "reset":
            counts.resets += 1
        elif result.reason == "cancelled":
            counts.cancelled += 1
        else:
            counts.bad_answers += 1
