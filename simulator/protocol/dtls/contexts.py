"""OpenSSL contexts: everything that all sessions of one end have in common.

What is set here and why: exactly DTLS 1.2; no MTU questions to a socket that is not there; sessions are resumed by
their id; only P-256; no automatic chain, for OpenSSL would send every certificate that it trusts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from hmac import compare_digest
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from simulator.protocol.dtls.alerts import SIGNED_BUT_OVER, refusal_words, verification_code
from simulator.protocol.dtls.identity import Identity, PeerCertificate, read_certificates
from simulator.protocol.dtls.library import ffi, lib, optional
from simulator.protocol.dtls.records import PLAIN_MOST_BYTES
from simulator.protocol.dtls.settings import CIPHERS, Settings

_DTLS_1_2: Final = 0xFEFD
_NO_AUTO_CHAIN: Final = 0x8  # SSL_MODE_NO_AUTO_CHAIN; no name in pyOpenSSL
_NO_RENEGOTIATION: Final = SSL.OP_NO_RENEGOTIATION or 1 << 30  # None where the library does not name it
_PARTIAL_CHAIN: Final = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN
_RESUMABLE_S: Final = 86_400  # RFC 5246 §F.1.4 has 24 h as the upper limit
_KNOWN_MOST: Final = 64
_SESSION_ID_CONTEXT: Final = b"simulator"
_COOKIE_EXCHANGE: Final = SSL.OP_COOKIE_EXCHANGE or 1 << 13

_get0_cert = optional("X509_STORE_CTX_get0_cert")
_get0_param = optional("SSL_get0_param")
_param_set_time = optional("X509_VERIFY_PARAM_set_time")
_session_reused = optional("SSL_session_reused")
_verify_result = optional("SSL_get_verify_result")
_verify_text = optional("X509_verify_cert_error_string")

SetVerify = Callable[[Any, Any], int]


def new_context(method: int, settings: Settings, trust_pem: bytes, chain: Iterable[bytes] = ()) -> SSL.Context:
    """What both ends set.

    Args:
        method: SSL.DTLS_SERVER_METHOD or SSL.DTLS_CLIENT_METHOD.
        trust_pem: certificates that chains may end in.
        chain: DER, sent behind the leaf of every session.
    Raises: LocalError: `trust_pem` cannot be read.
    """
    context = SSL.Context(method)
    context.set_min_proto_version(_DTLS_1_2)
    context.set_max_proto_version(_DTLS_1_2)
    context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_TICKET | _NO_RENEGOTIATION)
    context.set_mode(_NO_AUTO_CHAIN | SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(_cipher_list(settings.ciphers))
    context.set_tmp_ecdh(ec.SECP256R1())
    store = context.get_cert_store()
    assert store is not None
    for certificate in read_certificates(trust_pem, "trusted certificates"):
        store.add_cert(certificate)
    for der in chain:
        context.add_extra_chain_cert(x509.load_der_x509_certificate(der))
    return context


def _cipher_list(names: Iterable[str]) -> bytes:
    suites = [CIPHERS[name] for name in names]
    # CCM8's tag of 64 bits is below the default security level, and OpenSSL leaves it out silently.
    return ":".join([*suites, "@SECLEVEL=0"] if CIPHERS["ccm8"] in suites else suites).encode()


def new_server_context(settings: Settings, trust_pem: bytes, identity: Identity, verify: SetVerify) -> SSL.Context:
    """The server's. `verify(ok, store)` is a callback of the library; the caller keeps it alive."""
    context = new_context(SSL.DTLS_SERVER_METHOD, settings, trust_pem, identity.chain)
    context.set_options(_COOKIE_EXCHANGE)
    with warnings.catch_warnings():  # pyOpenSSL wants objects of `cryptography`, and converts them each time
        warnings.simplefilter("ignore", DeprecationWarning)
        context.use_privatekey(identity._key)
        context.use_certificate(identity._leaf)
    # Without it a client with a certificate cannot resume.
    context.set_session_id(_SESSION_ID_CONTEXT)
    # OpenSSL keeps 20 480 sessions, the oldest ones go first. None where resumption cannot be seen: it verifies no
    # certificate then, so somebody else has to (`Verification.ask`).
    seen = _session_reused is not None
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER if seen else SSL.SESS_CACHE_OFF)
    context.set_timeout(_RESUMABLE_S)
    # An intermediate certificate that is trusted ends the chain: one signature less to verify.
    store = context.get_cert_store()
    assert store is not None
    store.set_flags(_PARTIAL_CHAIN)
    # Not pyOpenSSL's own, which cannot say why, so that OpenSSL would send internal_error.
    lib.SSL_CTX_set_verify(context._context, SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
    context.set_cookie_generate_callback(lambda connection: connection.get_app_data())
    context.set_cookie_verify_callback(lambda connection, cookie: compare_digest(cookie, connection.get_app_data()))
    return context


def new_client_context(settings: Settings, trust_pem: bytes, chain: Iterable[bytes]) -> SSL.Context:
    """The client's; each session brings its own certificate."""
    context = new_context(SSL.DTLS_CLIENT_METHOD, settings, trust_pem, chain)
    context.set_verify(SSL.VERIFY_PEER)
    return context


class Verification:
    """The callback that OpenSSL calls for each certificate of a client's chain; nothing is raised through it."""

    def __init__(self, accept: Callable[[PeerCertificate], str]) -> None:
        self.peer: PeerCertificate | None = None
        """Whose handshake goes on: the leaf that was accepted last."""
        self.refusal = ""
        """Why the last one was refused."""
        self.shown: PeerCertificate | None = None
        """The leaf of a chain that is not in order; None: it is, or cannot be read."""
        self.error: Exception | None = None
        """What `accept` raised."""
        self._accept = accept
        self.callback = ffi.callback("int (*)(int, X509_STORE_CTX *)", self._verify, error=0)

    def reset(self) -> None:
        """Before a step of a handshake."""
        self.peer, self.refusal, self.shown, self.error = None, "", None, None

    def ask(self, peer: PeerCertificate, unix_ns: int) -> str:
        """For a session that is to be resumed, which OpenSSL does not verify again: "" or why not."""
        return "certificate has expired" if unix_ns > peer.not_after_s * 1e9 else self._accept(peer)

    def _verify(self, ok: int, store: Any) -> int:
        try:
            if not ok:
                code = lib.X509_STORE_CTX_get_error(store)
                self.refusal = refusal_words(code, verification_text(code))
                depth = lib.X509_STORE_CTX_get_error_depth(store)
                self.shown = _leaf(store, verified=not depth and code in SIGNED_BUT_OVER)
                return 0
            if lib.X509_STORE_CTX_get_error_depth(store):
                return 1
            certificate = lib.X509_STORE_CTX_get_current_cert(store)
            lib.X509_up_ref(certificate)
            self.peer = PeerCertificate.from_der(_der(certificate))
            self.refusal = self._accept(self.peer)
            if self.refusal:
                lib.X509_STORE_CTX_set_error(store, verification_code(self.refusal))
        except Exception as error:
            self.refusal = "certificate cannot be read" if isinstance(error, ValueError) else "internal error"
            self.error = None if isinstance(error, ValueError) and self.peer is None else error
            lib.X509_STORE_CTX_set_error(store, verification_code(""))
        return 0 if self.refusal else 1


def _leaf(store: Any, *, verified: bool) -> PeerCertificate | None:
    """The certificate that is being verified; None: it cannot be read."""
    certificate = _get0_cert(store) if _get0_cert is not None else ffi.NULL
    if certificate == ffi.NULL:
        return None
    lib.X509_up_ref(certificate)
    try:
        return PeerCertificate.from_der(_der(certificate), verified=verified)
    except ValueError:
        return None


def _der(pointer: Any) -> bytes:
    """The bytes of a certificate whose reference is ours to give away."""
    certificate = crypto.X509._from_raw_x509_ptr(pointer)
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def peer_certificate(
    connection: SSL.Connection, known: dict[bytes, PeerCertificate] | None = None
) -> PeerCertificate | None:
    """The peer's certificate, of a resumed session as well; None: there is none, or it cannot be read.

    `known` are some that were read before: devices meet the same server again and again.
    """
    pointer = lib.SSL_get_peer_certificate(connection._ssl)
    if pointer == ffi.NULL:
        return None
    der = _der(pointer)
    found = known.get(der) if known is not None else None
    if found is None:
        try:
            found = PeerCertificate.from_der(der)
        except ValueError:
            return None
        if known is not None and len(known) < _KNOWN_MOST:
            known[der] = found
    return found


def set_time(connection: SSL.Connection, unix_ns: int) -> None:
    """Certificates of this session are checked as of then: by the run's clock, not by the host's."""
    _param_set_time(_get0_param(connection._ssl), unix_ns // 1_000_000_000)


def use_identity(connection: SSL.Connection, identity: Identity) -> None:
    """The session's own certificate. Raises: SSL.Error: OpenSSL does not take it."""
    ssl: Any = connection._ssl
    if not (lib.SSL_use_certificate(ssl, identity._leaf._x509) and lib.SSL_use_PrivateKey(ssl, identity._key._pkey)):
        lib.ERR_clear_error()
        raise SSL.Error("certificate or key is not taken")


def is_resumed(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed an earlier session."""
    return bool(_session_reused is not None and _session_reused(connection._ssl))


def most_bytes(connection: SSL.Connection, mtu: int) -> int:
    """Longest application data that fits the MTU; OpenSSL itself would send any length."""
    return min(connection.get_cleartext_mtu(), mtu, PLAIN_MOST_BYTES)


def shut_down(connection: SSL.Connection) -> None:
    """Have close-notify written, and mark the session as well ended: else OpenSSL takes it out of its cache."""
    if lib.SSL_shutdown(connection._ssl) < 0:
        lib.ERR_clear_error()
    keep_resumable(connection)


def keep_resumable(connection: SSL.Connection) -> None:
    """Mark the session as well ended without a word to the peer."""
    connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)


def refusal_of(connection: SSL.Connection) -> str:
    """Why the peer's certificate was refused, in words."""
    code = _verify_result(connection._ssl) if _verify_result is not None else 0
    return refusal_words(code, verification_text(code)) if code else ""


def verification_text(code: int) -> str:
    """OpenSSL's words for a result of verification."""
    return str(ffi.string(_verify_text(code)).decode()) if _verify_text is not None else f"certificate error {code}"


def session_bytes(connection: SSL.Connection) -> bytes:
    """The session for a later resumption, with its secret; empty: there is none.

    As bytes and not as OpenSSL's object: that one is spoilt when its connection ends without a word, as when a device
    loses its power.
    """
    session = lib.SSL_get1_session(connection._ssl)
    if session == ffi.NULL:
        return b""
    try:
        size = lib.i2d_SSL_SESSION(session, ffi.NULL)
        if size <= 0:
            return b""
        content = ffi.new("unsigned char[]", size)
        lib.i2d_SSL_SESSION(session, ffi.new("unsigned char **", content))
        return bytes(ffi.buffer(content, size))
    finally:
        lib.SSL_SESSION_free(session)


def use_session(connection: SSL.Connection, content: bytes) -> None:
    """Ask for resumption of that session; content that OpenSSL does not take asks for nothing."""
    buffer = ffi.new("unsigned char[]", content)
    session = lib.d2i_SSL_SESSION(ffi.NULL, ffi.new("unsigned char **", buffer), len(content))
    if session != ffi.NULL:
        lib.SSL_set_session(connection._ssl, session)
        lib.SSL_SESSION_free(session)
    lib.ERR_clear_error()
