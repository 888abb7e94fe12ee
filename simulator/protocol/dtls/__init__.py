"""DTLS 1.2 with certificates on both sides, client and server, without sockets (RFC 6347, RFC 7925)."""
