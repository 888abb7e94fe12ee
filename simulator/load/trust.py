"""Whom we trust when the platform shows a certificate: whoever this machine trusts."""

from __future__ import annotations

from typing import Any

import gevent.ssl


def trust(cafile: str | None = None) -> Any:
    """A context for clients, which checks certificates and names; `cafile`, which geventhttpclient names, is ignored.

    gevent's class by name: `create_default_context` is only gevent's where the process is patched, and would block the
    hub elsewhere.
    """
    del cafile
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context
