"""Where the reference server listens, and where a platform is taken to listen that does not tell: the real one's
numbers plus 10000 (architecture §5). A file of its own, for the command line needs the numbers and not the server.
"""

from __future__ import annotations

API_PORT = 10080
UDP_PORT = 11234
COAP_PORT = 15683
RADIUS_PORT = 11812
ACCOUNTING_PORT = 11813
DTLS_PORT = 11235
"""The real one has 1234 for both; here plain UDP is on that."""
COAPS_PORT = 15684
HTTPS_PORT = 10443
"""Blobs of Internet devices …"""
BLOB_PORT = 10081
"""… and, in plain HTTP, of those of the mobile network: port 80 there, which here is the API's."""
