"""Where platforms listen that do not tell; the real one's numbers plus 10000."""

from __future__ import annotations

COAP_PORT = 15683
UDP_PORT = 11234
