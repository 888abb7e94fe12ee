"""What a CoAP client may decide for itself, and the times that follow from it (RFC 7252 §4.8, mobile-network §5.9)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Transmission parameters and limits. Times are seconds.

    Raises: ValueError: a value that no exchange could be carried out with.
    """

    ack_timeout_s: float = 2.0
    ack_random_factor: float = 1.5
    max_retransmit: int = 4
    """Transmissions of a confirmable message after the first; 0: send once."""
    nstart: int = 1
    """Exchanges of one device that may be under way at once; more requests wait. RFC 7252 §4.7 counts per peer, this
    counts per device, which speaks to one platform."""
    max_latency_s: float = 100.0
    processing_delay_s: float | None = None
    """PROCESSING_DELAY; None: as long as ACK_TIMEOUT, the RFC's choice."""
    separate_patience_s: float = 93.0
    """How long to wait for the answer after an empty ACK; MAX_TRANSMIT_WAIT of the peer's own confirmable answer."""
    non_patience_s: float = 30.0
    """How long to wait for the answer to a non-confirmable request; the RFC leaves it open (§5.2.3)."""
    szx: int = 6
    """Preferred block size, 16 << szx bytes: payloads that are longer travel block by block (RFC 7959 §2.2)."""
    max_body_bytes: int = 1 << 20
    """Longest answer that is put together from blocks."""
    max_restarts: int = 1
    """How often a block-wise transfer begins anew: the peer lost its part (4.08), or the content changed meanwhile."""

    def __post_init__(self) -> None:
        """Refuse what no exchange could be carried out with."""
        if self.ack_timeout_s <= 0 or self.ack_random_factor < 1 or self.max_retransmit < 0 or self.nstart < 1:
            raise ValueError(
                "ack_timeout_s above 0, ack_random_factor at least 1, max_retransmit at least 0, nstart at least 1"
            )
        if not 0 <= self.szx <= 6:
            raise ValueError(f"szx {self.szx}; block sizes are 0 (16 bytes) to 6 (1024 bytes)")

    @property
    def max_transmit_span_s(self) -> float:
        """From the first transmission to the last."""
        return self.ack_timeout_s * ((1 << self.max_retransmit) - 1) * self.ack_random_factor

    @property
    def max_transmit_wait_s(self) -> float:
        """From the first transmission until the sender gives up."""
        return self.ack_timeout_s * ((2 << self.max_retransmit) - 1) * self.ack_random_factor

    @property
    def _processing_delay_s(self) -> float:
        return self.ack_timeout_s if self.processing_delay_s is None else self.processing_delay_s

    @property
    def max_rtt_s(self) -> float:
        """The longest way there and back."""
        return 2 * self.max_latency_s + self._processing_delay_s

    @property
    def exchange_lifetime_s(self) -> float:
        """How long the message id of a confirmable message is taken (RFC 7252 §4.8.2)."""
        return self.max_transmit_span_s + self.max_rtt_s

    @property
    def non_lifetime_s(self) -> float:
        """How long the message id of a non-confirmable message is taken."""
        return self.max_transmit_span_s + self.max_latency_s


PRESETS: dict[str, Settings] = {
    "rfc7252": Settings(),
    # [C] mobile-network §5.9: 10 s, 2 retransmissions
    "lpwan": Settings(ack_timeout_s=10.0, max_retransmit=2, separate_patience_s=105.0, non_patience_s=60.0),
    "none": Settings(max_retransmit=0),
}
"""Retry presets by the name that files use (mobile-network §5.9)."""
