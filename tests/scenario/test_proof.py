"""`mutants:` and `needs:`: what must turn a scenario red, and what the target must be able to do."""

import pytest

from simulator import words
from simulator.scenario import loads

ONE, OTHER = list(words.MUTANTS)[:2]
HEAD = """scenario: a
devices: {m: {count: 2}}
allow: [imeiMismatch, known-owner]
steps:
  - {attach: m, expect: [ciotConnect, {each: m, sees: ciotConnect}, clientConnected], never: [deviceMoved]}
  - {wait: 1 s, expect: [{never: [deviceMoved, deviceRemoved], of: m}]}
  - {upload: m, outcome: any}
expect:
  - {each: m, sees: upstreamMessage}
  - {never: [deviceMoved, deviceRemoved]}
  - {never: [deviceMoved]}
"""


@pytest.mark.parametrize(
    ("checks", "names"),
    [
        ("upload-once", ("invariant.upload-once",)),
        ("invariant.upload-once", ("invariant.upload-once",)),
        ("imsiMismatch", ("trouble.imsiMismatch",)),
        ("trouble.imsiMismatch", ("trouble.imsiMismatch",)),
        ("steps[0].outcome", ("steps[0].outcome",)),
        ("'steps[0].expect[1]'", ("steps[0].expect[1]",)),
        ("steps[0].form[0]", ("steps[0].form[0]",)),
        ("steps[0].never[0]", ("steps[0].never[0]",)),
        ("steps[1].form[0].never[1]", ("steps[1].form[0].never[1]",)),
        ("steps[1].form[0]", ("steps[1].form[0]",)),
        ("expect[0]", ("expect[0]",)),
        ("expect[1].never[1]", ("expect[1].never[1]",)),
        ("expect[2]", ("expect[2]",)),
        ('[upload-once, "expect[0]", upload-once]', ("invariant.upload-once", "expect[0]")),
    ],
)
def test_checks_of_a_mutant(checks, names):
    scenario = loads(f"{HEAD}mutants: {{{OTHER}: act-once, {ONE}: {_quoted(checks)}}}\n")
    assert scenario.mutants == ((OTHER, ("invariant.act-once",)), (ONE, names))


def _quoted(check: str) -> str:
    """Within braces a bracket means a list."""
    return check if check[0] in "['\"" else f"'{check}'"


def test_checks_may_be_written_plainly_in_a_block():
    scenario = loads(
        f"{HEAD}mutants:\n  {ONE}: steps[0].expect[0]\n  {OTHER}:\n    - expect[0]\n    - connected-once\n"
    )
    assert scenario.mutants == ((ONE, ("steps[0].expect[0]",)), (OTHER, ("expect[0]", "invariant.connected-once")))


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("upload-onec", "no check 'upload-onec' (did you mean 'upload-once'?)"),
        ("trouble.upload-once", "no check 'trouble.upload-once' (did you mean 'upload-once'?)"),
        (
            "steps.0.expect",
            "no check 'steps.0.expect' (write an invariant, a trouble, steps[1].expect[0], steps[1].form",
        ),
        ("steps[0].expects[0]", "no check 'steps[0].expects[0]' (write an invariant"),
        ("imeiMismatch", "'imeiMismatch' is allowed here (so it never fails; name another)"),
        ("known-owner", "'known-owner' is allowed here (so it never fails; name another)"),
        (
            "steps[3].outcome",
            "'steps[3].outcome': there is no steps[3]: the scenario has steps[0] to steps[2] (numbers c",
        ),
        ("steps[2].outcome", "'steps[2].outcome': the outcome of steps[2] (upload m) may be any (numbers count from 0"),
        ("steps[1].outcome", "'steps[1].outcome': steps[1] (wait 1 s) has no outcome"),
        ("steps[0].expect[2]", "there is no expect[2]: steps[0] (attach m) has expect[0] to expect[1]"),
        ("steps[0].form[1]", "there is no form[1]: steps[0] (attach m) has form[0]"),
        ("steps[2].never[0]", "there is no never[0]: steps[2] (upload m) has none"),
        ("steps[0].form[0].never[0]", "there is no never[0]: steps[0].form[0] has none"),
        ("expect[3]", "there is no expect[3]: the top-level expect has expect[0] to expect[2]"),
        ("expect[1]", "expect[1] is 2 checks, expect[1].never[0] and so on"),
        ("expect[1].never[2]", "there is no never[2]: expect[1] has never[0] to never[1]"),
        ("expect[2].never[0]", "there is no never[0]: expect[2] has none"),
    ],
)
def test_checks_that_the_scenario_has_not(mistakes, check, told):
    (found,) = mistakes(f"{HEAD}mutants:\n  {ONE}: {check}\n")
    assert found.startswith(f"13:{len(ONE) + 5}: ")
    assert told in found


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"mutants: {{{ONE[:-1]}: upload-once}}", f"12:11: no mutant '{ONE[:-1]}' (did you mean '{ONE}'?)"),
        (
            f"mutants: {{{ONE}: }}",
            f"12:11: mutant '{ONE}' without a check (name what must fail: an invariant, a trouble",
        ),
        (f"mutants: {{{ONE}: []}}", f"12:11: mutant '{ONE}' without a check (name what must fail: an invariant"),
        (f"mutants: {{{ONE}: {{a: b}}}}", f"12:11: mutant '{ONE}' without a check"),
        (f"mutants: {{{ONE}: [[upload-once]]}}", "a check must be a word, not a list"),
        (f"mutants: {{{ONE}: [{', '.join(['upload-once'] * 21)}]}}", "21 checks for one mutant (at most 20)"),
        (
            "mutants: x",
            "12:10: mutants must be a mapping, not a word (write it as {upstreamMessage-missing: upload-once",
        ),
        ("needs: []", "12:8: needs is empty (name a capability, or leave needs out)"),
        ("needs: [fault]", "12:9: no capability 'fault' (did you mean 'faults'?)"),
        ("needs: [faults, faults]", "12:17: 'faults' is twice in needs (remove one of them)"),
        ("needs: {faults: yes}", "12:8: capability must be a word, not a mapping"),
    ],
)
def test_mistakes(mistakes, line, told):
    (found,) = mistakes(f"{HEAD}{line}\n")
    assert told in found


def test_numbers_are_not_looked_up_in_a_file_with_mistakes(mistakes):
    text = HEAD.replace("upload: m, outcome", "uplod: m, outcome")
    assert mistakes(f"{text}mutants:\n  {ONE}: steps[2].outcome\n") == ["7:6: no verb 'uplod' (did you mean 'upload'?)"]


def test_a_plain_list_names_no_check_and_is_refused(mistakes):
    (found,) = mistakes(f"{HEAD}mutants: [{ONE}]\n")
    assert found.startswith(
        "12:10: mutants must be a mapping, not a list (write it as {upstreamMessage-missing: upload-"
    )


@pytest.mark.parametrize(
    ("lines", "needs"),
    [
        ("steps: [{wait: 1 s}]", ()),
        ("steps: [{attach: m}]", ("login",)),
        ("steps: [{upload: m}]\nneeds: [lossless, login]", ("login", "lossless")),
        ("steps: [{upload: m}]\nneeds: pacing", ("pacing",)),
        ("steps: [{reboot: m}, {restart: platform}]", ("login", "faults")),
        ("steps: [{upload: m}]\ntokens: {t: }", ("tokens",)),
        ("steps: [{send: m, token: t, outcome: rejected}]\ntokens: {t: {known: no}}", ()),
        ("steps: [{upload: m}]\nobservers: {o: {reads: 1/s}}", ("pacing",)),
        ("steps: [{upload: m}]\nobservers: {o: }", ()),
        (
            f"steps: [{{together: [{{misbehave: {ONE}}}, {{attach: m}}]}}]\nneeds: [tokens]",
            ("login", "faults", "tokens"),
        ),
    ],
)
def test_needs(lines, needs):
    assert loads(f"scenario: a\ndevices: {{m: }}\n{lines}\n").needs == needs
