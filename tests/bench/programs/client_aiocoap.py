"""aiocoap as a client, against any CoAP server on 127.0.0.1: IN_FLIGHT contexts with one exchange open each.

client_aiocoap.py PORT EXCHANGES IN_FLIGHT
"""

from __future__ import annotations

import asyncio
import sys

import aiocoap
from common import PATH, PAYLOAD, Meter


async def main(port: int, exchanges: int, in_flight: int) -> None:
    """Act it out and report."""
    contexts = [await aiocoap.Context.create_client_context(transports=["udp6"]) for _ in range(in_flight)]
    share = exchanges // in_flight
    answered = 0

    async def device(context: aiocoap.Context) -> None:
        nonlocal answered
        for _ in range(share):
            message = aiocoap.Message(code=aiocoap.POST, payload=PAYLOAD, uri=f"coap://127.0.0.1:{port}/{PATH}")
            response = await context.request(message).response
            answered += response.code.is_successful()

    meter = Meter()
    await asyncio.gather(*(device(context) for context in contexts))
    meter.report(answered, share * in_flight - answered)
    for context in contexts:
        await context.shutdown()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:4])))
