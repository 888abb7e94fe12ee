"""Verdicts as JUnit XML: a suite per rehearsal, a case per check, each under the name of the promise.

JUnit knows no third verdict. What is inconclusive becomes an error, not a skip: nothing was proven, and a build that
shows it in green would say otherwise. A run that ended early has a case of its own for that, which is an error too; a
scenario that the target cannot act is one case, and that is a skip.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from simulator.assertions.verdicts import Judgement
from simulator.report import as_json
from simulator.report.network import network
from simulator.report.ran import Ran
from simulator.report.text import blindness

CUT_CASE: Final = "the run itself"

# XML 1.0 §2.2: characters that no document may hold, not even escaped.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode(rans: Sequence[Ran]) -> bytes:
    """The document in UTF-8."""
    root = Xml.Element("testsuites", {"name": "simulator", **_totals(rans)})
    root.set("time", f"{sum(ran.wall_s for ran in rans):.3f}")
    for ran in rans:
        _suite(root, ran)
    Xml.indent(root)
    body: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _suite(root: Xml.Element, ran: Ran) -> None:
    about = {"name": _legal(ran.promise), "file": _legal(ran.file), **_totals([ran])}
    suite = Xml.SubElement(root, "testsuite", about)
    suite.set("time", f"{ran.wall_s:.3f}")
    properties = Xml.SubElement(suite, "properties")
    facts = {
        "verdict": "skipped" if ran.skipped else as_json.told_verdict(ran),
        "seed": str(ran.seed),
        "time": ran.time,
        "target": ran.target,
        "run_time_s": f"{ran.verdicts.until_s:.3f}",
        "journal": ran.journal,
        **({"case": ran.case} if ran.case else {}),
        **({"network": told_of} if (told_of := network(ran.verdicts)) else {}),
    }
    for name, value in facts.items():
        Xml.SubElement(properties, "property", name=name, value=_legal(value))
    if ran.skipped:
        Xml.SubElement(_named(suite, ran, ran.promise), "skipped", message=_legal(ran.skipped))
        return
    for judgement in ran.verdicts.judgements:
        _case(suite, ran, judgement)
    if ran.verdicts.cut:
        case = _named(suite, ran, f"{ran.promise}: {CUT_CASE}")
        Xml.SubElement(case, "error", message=_legal(ran.verdicts.cut), type="cut").text = _legal(
            f"{ran.file}  {ran.verdicts.cut}"
        )
    said = (*((f"network: {told_of}",) if told_of else ()), *ran.notes, *blindness(ran.verdicts.gaps))
    if said:
        Xml.SubElement(suite, "system-out").text = _legal("\n".join(said))


def _case(suite: Xml.Element, ran: Ran, judgement: Judgement) -> None:
    case = _named(suite, ran, f"{ran.promise}: {judgement.check} {judgement.words}")
    if judgement.place.line:
        case.set("file", _legal(judgement.place.file))
        case.set("line", str(judgement.place.line))
    if judgement.verdict == "pass":
        return
    if not judgement.reached:
        why = "the run ended early" if ran.verdicts.cut else "what stands before it in its list failed"
        Xml.SubElement(case, "skipped", message=why)
        return
    _about(case, judgement)
    tag = "failure" if judgement.verdict == "fail" else "error"
    headline = judgement.headline or judgement.words
    told = Xml.SubElement(case, tag, message=_legal(headline), type=judgement.kind)
    told.text = _legal("\n".join((f"{judgement.place}  {headline}", *judgement.details)))


def _named(suite: Xml.Element, ran: Ran, name: str) -> Xml.Element:
    """A case. The promise comes first in its name: it is the test's name in every report (scenarios §2)."""
    return Xml.SubElement(suite, "testcase", classname=_legal(ran.file), name=_legal(name), time="0.000")


def _about(case: Xml.Element, judgement: Judgement) -> None:
    """What did not hold, in fields."""
    facts = {
        "check": judgement.check,
        "kind": judgement.kind,
        "verdict": judgement.verdict,
        "place": str(judgement.place),
        "words": judgement.words,
        "whom": ", ".join(judgement.whom),
        "concerned": f"{judgement.concerned} of {judgement.cases}",
    }
    properties = Xml.SubElement(case, "properties")
    for name, value in facts.items():
        Xml.SubElement(properties, "property", name=name, value=_legal(value))


def _totals(rans: Sequence[Ran]) -> dict[str, str]:
    judgements = [judgement for ran in rans if not ran.skipped for judgement in ran.verdicts.judgements]
    reached = [judgement for judgement in judgements if judgement.reached]
    skipped = sum(bool(ran.skipped) for ran in rans)
    cut = sum(bool(ran.verdicts.cut) and not ran.skipped for ran in rans)
    return {
        "tests": str(len(judgements) + cut + skipped),
        "failures": str(sum(judgement.verdict == "fail" for judgement in reached)),
        "errors": str(sum(judgement.verdict == "inconclusive" for judgement in reached) + cut),
        "skipped": str(len(judgements) - len(reached) + skipped),
    }


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
