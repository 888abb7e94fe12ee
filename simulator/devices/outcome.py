"""What an act came to, in the words that scenarios use."""

from __future__ import annotations

import msgspec

from simulator.acts import Accepted, Answer, Broken, Connected, Done, NoAnswer, Rejected, Result, Sent, Stored

OK = "ok"


class Outcome(msgspec.Struct, frozen=True):
    """How one act ended, from the point of view of whoever did it."""

    word: str
    """`ok`, `rejected`, `timeout`, `failed`, `cancelled`, or `coap 4.04` for an answer that is no success."""
    detail: str = ""
    """What the device itself thinks happened; empty where the word says it all."""
    payload: bytes | None = None
    """A downstream message that came with the answer."""
    transmissions: int = 0
    answered: str = ""
    """CoAP path of an upload that the platform answered itself; "": it did not, or this is no upload."""


_NO_ANSWER = {"timeout": "timeout", "cancelled": "cancelled"}
_CODE_CONTENT = 0x45


def outcome_of(result: Result) -> Outcome:
    """The outcome that a result of an act means.

    A 2.xx answer is `ok`; only 2.05 carries a downstream message (span §4.3). Anything else that was answered is
    named by its code, and what was not answered by the reason.
    """
    if isinstance(result, Answer):
        code, sent = result.code, result.transmissions
        if code == _CODE_CONTENT:
            return Outcome(OK, "", result.payload, sent)
        if code >> 5 == 2:
            return Outcome(OK, "", None, sent)
        return Outcome(f"coap {code >> 5}.{code & 31:02d}", result.payload.decode(errors="replace"), None, sent)
    if isinstance(result, Sent):
        return Outcome(OK, "", None, 1)
    if isinstance(result, Accepted):
        return Outcome(OK, "", None, result.transmissions)
    if isinstance(result, Connected):
        return Outcome(OK, "resumed" if result.resumed else "", None, result.transmissions)
    if isinstance(result, Done | Stored):
        return Outcome(OK)
    if isinstance(result, NoAnswer):
        how_often = f"no answer to {result.transmissions} transmissions"
        detail = how_often if result.reason == "timeout" else result.reason
        return Outcome(_NO_ANSWER.get(result.reason, "failed"), detail, None, result.transmissions)
    if isinstance(result, Rejected):
        return Outcome("rejected", result.reason, None, result.transmissions)
    assert isinstance(result, Broken)
    return Outcome("failed", result.reason)


def is_expected(outcome: Outcome, wanted: str, reason: str = "") -> bool:
    """Whether an act came to what its step asked for. `any` takes everything, and `rejected` whatever 4.xx says no.

    `reason`: what must be among the words of who refused; "": anything.
    """
    word = outcome.word
    came = wanted in ("any", word) or (wanted == "rejected" and word.startswith("coap 4."))
    return came and reason in outcome.detail
