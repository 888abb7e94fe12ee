"""A plain Locust user with aiocoap: blocking calls into an asyncio loop that runs beside gevent's hub."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import aiocoap
from locust import User, events, task
from locust_marks import PAYLOAD, PEER, measure

answered = 0


class Loop:
    """One loop for all users of the process, in a thread, as far as gevent leaves one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.context = self.call(aiocoap.Context.create_client_context(transports=["simple6"]))

    def call(self, coroutine: Any) -> Any:
        """Block the calling user until it is done."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def post(self) -> Any:
        """One exchange."""
        uri = f"coap://{PEER[0]}:{PEER[1]}/data"
        return await self.context.request(aiocoap.Message(code=aiocoap.POST, payload=PAYLOAD, uri=uri)).response


class Meter(User):
    """One request after the other."""

    @task
    def upload(self) -> None:
        """As in Locust's documentation on other protocols."""
        global answered
        loop: Loop = self.environment.loop
        began = time.perf_counter()
        response = loop.call(loop.post())
        took_ms = (time.perf_counter() - began) * 1e3
        self.environment.events.request.fire(
            request_type="CoAP", name="upload", response_time=took_ms, response_length=0, exception=None, context={}
        )
        answered += response.code.is_successful()


@events.test_start.add_listener
def _start(environment: Any, **_: Any) -> None:
    environment.loop = Loop()
    measure(lambda: answered)
