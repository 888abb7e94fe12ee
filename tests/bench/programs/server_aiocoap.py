"""aiocoap as a server on PORT of 127.0.0.1, until standard input ends.

server_aiocoap.py PORT
"""

from __future__ import annotations

import asyncio
import sys

import aiocoap
from aiocoap import resource
from common import PATH, Meter, announce, told_to_end


class Upload(resource.Resource):
    """Says 2.01 to every POST."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    async def render_post(self, _request: aiocoap.Message) -> aiocoap.Message:
        """One upload."""
        self.requests += 1
        return aiocoap.Message(code=aiocoap.CREATED)


async def main(port: int) -> None:
    """Serve and report."""
    upload = Upload()
    site = resource.Site()
    site.add_resource([PATH], upload)
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port), transports=["udp6"])
    meter = Meter()
    announce(port)
    await told_to_end()
    meter.report(upload.requests)
    await context.shutdown()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
