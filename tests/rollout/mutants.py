"""Change the deciding code in every way that would matter, and see whether a test notices.

    python tests/rollout/mutants.py            # all, with the list
    python tests/rollout/mutants.py "swap"     # those whose name holds a word

Each mutant is one replacement in one module; the tests of this folder are run against it in this
process. Exit code 0 only when every mutant was killed and the unchanged code passes.
"""

import importlib.abc
import importlib.util
import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "runlore" / "rollout"
RAMP_TESTS = ("test_ramp.py", "test_ramp_faults.py")
OTHER_TESTS = ("test_analysis.py", "test_sample_ratio.py", "test_sequences.py")
OF_ANALYSES = ("analysis", "comparison", "design", "sample_ratio", "estimate", "sequence", "loss")


@dataclass(frozen=True)
class Mutant:
    """`new` in place of `old`, which stands in the module exactly once."""

    name: str
    module: str
    old: str
    new: str


RAMP = (
    Mutant("faults are ignored", "ramp", "    if untrusted:", "    if False:"),
    Mutant(
        "faults advance",
        "ramp",
        'Decision("hold", evidence.step, untrusted',
        'Decision("advance", evidence.step, untrusted',
    ),
    Mutant("faults raise no alert", "ramp", "untrusted, alert=True", "untrusted"),
    Mutant(
        "a broken guardrail is dropped",
        "ramp",
        "        _broken(policy, readings)\n        or _mismatch",
        "        _mismatch",
    ),
    Mutant("a wrong split is dropped", "ramp", "        or _mismatch(evidence, ratio)\n", ""),
    Mutant(
        "a metric's fault is dropped",
        "ramp",
        "        or _faulty(policy, evidence, readings)\n",
        "",
    ),
    Mutant(
        "a worse signal is dropped",
        "ramp",
        "        or _worse_signal(policy, evidence, readings)\n",
        "",
    ),
    Mutant("waiting is dropped", "ramp", "        or _waiting(policy, evidence)\n", ""),
    Mutant(
        "proof is dropped",
        "ramp",
        "        or _unproven(policy, evidence, readings, following)\n",
        "",
    ),
    Mutant(
        "a wrong split comes before harm",
        "ramp",
        "        _broken(policy, readings)\n        or _mismatch(evidence, ratio)\n",
        "        _mismatch(evidence, ratio)\n        or _broken(policy, readings)\n",
    ),
    Mutant(
        "a signal comes before harm",
        "ramp",
        "        _broken(policy, readings)\n",
        "        _worse_signal(policy, evidence, readings)\n        or _broken(policy, readings)\n",
    ),
    Mutant(
        "a metric's fault comes before harm",
        "ramp",
        "        _broken(policy, readings)\n",
        "        _faulty(policy, evidence, readings)\n        or _broken(policy, readings)\n",
    ),
    Mutant(
        "harm holds",
        "ramp",
        'return Decision("roll back", 0, reasons, alert=True)',
        'return Decision("hold", 0, reasons, alert=True)',
    ),
    Mutant(
        "harm keeps its traffic",
        "ramp",
        'return Decision("roll back", 0, reasons, alert=True)',
        'return Decision("roll back", 1, reasons, alert=True)',
    ),
    Mutant(
        "harm raises no alert",
        "ramp",
        'return Decision("roll back", 0, reasons, alert=True)',
        'return Decision("roll back", 0, reasons)',
    ),
    Mutant(
        "only guardrails roll back",
        "ramp",
        'for each in _of(readings, "primary", "guardrail") if each.is_broken',
        'for each in _of(readings, "guardrail") if each.is_broken',
    ),
    Mutant(
        "only primary metrics roll back",
        "ramp",
        'for each in _of(readings, "primary", "guardrail") if each.is_broken',
        'for each in _of(readings, "primary") if each.is_broken',
    ),
    Mutant(
        "signals roll back",
        "ramp",
        'for each in _of(readings, "primary", "guardrail") if each.is_broken',
        'for each in _of(readings, "primary", "guardrail", "signal") if each.is_broken',
    ),
    Mutant(
        "what is broken is what is not",
        "ramp",
        "if each.is_broken]\n    if not broken:",
        "if not each.is_broken]\n    if not broken:",
    ),
    Mutant(
        "a fair split is the wrong one", "ramp", "if not ratio.is_mismatch", "if ratio.is_mismatch"
    ),
    Mutant(
        "a wrong split raises no alert", "ramp", "(ratio.reason,), alert=True", "(ratio.reason,)"
    ),
    Mutant(
        "faults of primary metrics are dropped",
        "ramp",
        'for each in _of(readings, "primary", "guardrail", "signal")',
        'for each in _of(readings, "guardrail", "signal")',
    ),
    Mutant(
        "faults of guardrails are dropped",
        "ramp",
        'for each in _of(readings, "primary", "guardrail", "signal")',
        'for each in _of(readings, "primary", "signal")',
    ),
    Mutant(
        "faults of signals are dropped",
        "ramp",
        'for each in _of(readings, "primary", "guardrail", "signal")',
        'for each in _of(readings, "primary", "guardrail")',
    ),
    Mutant(
        "secondary metrics hold",
        "ramp",
        'for each in _of(readings, "primary", "guardrail", "signal")',
        'for each in _of(readings, "primary", "guardrail", "signal", "secondary")',
    ),
    Mutant(
        "a better signal pauses",
        "ramp",
        'for each in _of(readings, "signal") if each.is_broken',
        'for each in _of(readings, "signal") if not each.is_broken',
    ),
    Mutant("units off by one", "ramp", ".n < policy.least_units", ".n <= policy.least_units"),
    Mutant(
        "units of the champion are enough",
        "ramp",
        "challenger = evidence.strata[-1].arms[CHALLENGER]",
        'challenger = evidence.strata[-1].arms["champion"]',
    ),
    Mutant(
        "units of the first step are enough",
        "ramp",
        "challenger = evidence.strata[-1]",
        "challenger = evidence.strata[0]",
    ),
    Mutant(
        "time off by one",
        "ramp",
        "if spent_s < policy.least_time_s",
        "if spent_s <= policy.least_time_s",
    ),
    Mutant("time is never asked", "ramp", "if spent_s < policy.least_time_s", "if False"),
    Mutant(
        "open is proof enough",
        "ramp",
        'if each.next_step != "kept"',
        'if each.next_step == "broken"',
    ),
    Mutant(
        "guardrails need no proof",
        "ramp",
        'judged = _of(readings, "primary", "guardrail")',
        'judged = _of(readings, "primary")',
    ),
    Mutant(
        "primary metrics need no proof",
        "ramp",
        'judged = _of(readings, "primary", "guardrail")',
        'judged = _of(readings, "guardrail")',
    ),
    Mutant(
        "better is asked for on every step",
        "ramp",
        'policy.promote_when == "better" and is_last',
        'policy.promote_when == "better"',
    ),
    Mutant(
        "better is never asked for", "ramp", 'policy.promote_when == "better" and is_last', "False"
    ),
    Mutant(
        "a better guardrail is enough",
        "ramp",
        'any(each.is_better for each in _of(readings, "primary"))',
        'any(each.is_better for each in _of(readings, "primary", "guardrail"))',
    ),
    Mutant(
        "worse is better",
        "ramp",
        "policy.alpha, narrowest).high < 0,",
        "policy.alpha, narrowest).low > 0,",
    ),
    Mutant(
        "every step promotes", "ramp", '"promote" if following == WHOLE else "advance"', '"promote"'
    ),
    Mutant(
        "no step promotes", "ramp", '"promote" if following == WHOLE else "advance"', '"advance"'
    ),
    Mutant(
        "a step is skipped",
        "ramp_policy",
        "self.steps.index(step) + 1]",
        "min(self.steps.index(step) + 2, len(self.steps) - 1)]",
    ),
    Mutant(
        "advancing stays where it is",
        "ramp_policy",
        "self.steps.index(step) + 1]",
        "self.steps.index(step)]",
    ),
    Mutant(
        "alpha is not shared",
        "ramp",
        "policy.alpha / len(policy.judged) if metric in policy.judged else policy.alpha",
        "policy.alpha",
    ),
    Mutant(
        "nothing more is tolerated early",
        "ramp",
        "metric.tolerated_loss * WHOLE / following",
        "metric.tolerated_loss",
    ),
    Mutant(
        "more is tolerated late",
        "ramp",
        "metric.tolerated_loss * WHOLE / following",
        "metric.tolerated_loss * 10",
    ),
    Mutant(
        "harm is judged by what is tolerated early",
        "ramp",
        "loss.excess(sides, metric.tolerated_loss, shared, narrowest)",
        "loss.excess(sides, tolerated, shared, narrowest)",
    ),
    Mutant(
        "a metric with a fault is read",
        "ramp",
        'if metric.role == "secondary" or fault:',
        'if metric.role == "secondary":',
    ),
    Mutant(
        "stop keeps the traffic",
        "ramp",
        'return Decision("roll back", 0, reasons)\n    if order.action == "promote"',
        'return Decision("roll back", step, reasons)\n    if order.action == "promote"',
    ),
    Mutant(
        "an order promotes to where it stands",
        "ramp",
        'return Decision("promote", WHOLE, reasons)',
        'return Decision("promote", step, reasons)',
    ),
    Mutant(
        "any step by hand will do",
        "ramp",
        "if order.step not in policy.steps or order.step == WHOLE",
        "if order.step is None",
    ),
    Mutant(
        "the whole by hand is a step",
        "ramp",
        "if order.step not in policy.steps or order.step == WHOLE",
        "if order.step not in policy.steps",
    ),
    Mutant(
        "orders are anonymous",
        "ramp",
        "if not order.actor or not order.reason",
        "if not order.reason",
    ),
    Mutant(
        "orders need no reason",
        "ramp",
        "if not order.actor or not order.reason",
        "if not order.actor",
    ),
    Mutant("a step down is an advance", "ramp", "order.step > step", "order.step != step"),
)
EVIDENCE = (
    Mutant(
        "arms are swapped",
        "evidence",
        "(each.arms[CHAMPION].metrics[metric.name], each.arms[CHALLENGER].metrics[metric.name])",
        "(each.arms[CHALLENGER].metrics[metric.name], each.arms[CHAMPION].metrics[metric.name])",
    ),
    Mutant(
        "the challenger beside itself",
        "evidence",
        "(each.arms[CHAMPION].metrics[metric.name], each.arms[CHALLENGER].metrics[metric.name])",
        "(each.arms[CHALLENGER].metrics[metric.name], each.arms[CHALLENGER].metrics[metric.name])",
    ),
    Mutant(
        "names are swapped",
        "evidence",
        'CHAMPION, CHALLENGER = "champion", "challenger"',
        'CHAMPION, CHALLENGER = "challenger", "champion"',
    ),
    Mutant(
        "shares are swapped",
        "evidence",
        "{CHAMPION: 1 - stratum.share, CHALLENGER: stratum.share}",
        "{CHAMPION: stratum.share, CHALLENGER: 1 - stratum.share}",
    ),
    Mutant(
        "the database's error is dropped", "evidence", "    if evidence.unread:", "    if False:"
    ),
    Mutant(
        "the structure is not checked",
        "evidence",
        "    broken = tuple(_structure(policy, evidence))",
        "    broken = ()",
    ),
    Mutant(
        "the clock is not checked",
        "evidence",
        "tuple(_clock(policy, evidence)) + tuple(_traffic",
        "tuple(_traffic",
    ),
    Mutant(
        "traffic is not checked",
        "evidence",
        "tuple(_clock(policy, evidence)) + tuple(_traffic(policy, evidence))",
        "tuple(_clock(policy, evidence))",
    ),
    Mutant(
        "any step may be left",
        "evidence",
        "if evidence.step not in policy.steps or evidence.step == WHOLE:",
        "if False:",
    ),
    Mutant(
        "no evidence is evidence", "evidence", "    if not evidence.strata:\n", "    if False:\n"
    ),
    Mutant(
        "evidence of another share counts",
        "evidence",
        "if not math.isclose(evidence.strata[-1].share, evidence.step / WHOLE):",
        "if False:",
    ),
    Mutant(
        "arms may have other names", "evidence", "if set(stratum.arms) != set(BOTH):", "if False:"
    ),
    Mutant(
        "more arms may come",
        "evidence",
        "if set(stratum.arms) != set(BOTH):",
        "if not set(stratum.arms) >= set(BOTH):",
    ),
    Mutant(
        "a share of all is compared",
        "evidence",
        "if not 0 < stratum.share < 1:",
        "if not 0 < stratum.share <= 1:",
    ),
    Mutant(
        "a share of nothing is compared",
        "evidence",
        "if not 0 < stratum.share < 1:",
        "if not 0 <= stratum.share < 1:",
    ),
    Mutant(
        "the step may begin later",
        "evidence",
        "    if at < evidence.step_began_at:",
        "    if False:",
    ),
    Mutant("the last decision may be later", "evidence", "    if at < looked_at:", "    if False:"),
    Mutant(
        "the clock may jump ahead",
        "evidence",
        "    if at - looked_at > timedelta(seconds=policy.most_pause_s):",
        "    if False:",
    ),
    Mutant(
        "the pause off by one",
        "evidence",
        "if at - looked_at > timedelta",
        "if at - looked_at >= timedelta",
    ),
    Mutant(
        "the first look may be late",
        "evidence",
        "looked_at = evidence.decided_at or evidence.step_began_at",
        "looked_at = evidence.decided_at or at",
    ),
    Mutant(
        "an arm may be silent",
        "evidence",
        "if arm.newest_at is None or not arm.assigned:",
        "if arm.newest_at is None:",
    ),
    Mutant("facts may be old", "evidence", "if age_s > policy.freshest_s:", "if False:"),
    Mutant(
        "freshness off by one",
        "evidence",
        "if age_s > policy.freshest_s:",
        "if age_s >= policy.freshest_s:",
    ),
    Mutant("facts may be of the future", "evidence", "if age_s < -AHEAD_S:", "if False:"),
    Mutant("no clock may differ", "evidence", "if age_s < -AHEAD_S:", "if age_s <= -AHEAD_S:"),
    Mutant(
        "duplicates that are told are dropped",
        "evidence",
        "        if arm.duplicates:",
        "        if False:",
    ),
    Mutant(
        "double counts are dropped",
        "evidence",
        "            if found.n > arm.assigned:",
        "            if False:",
    ),
    Mutant(
        "double counts off by one",
        "evidence",
        "            if found.n > arm.assigned:",
        "            if found.n >= arm.assigned:",
    ),
    Mutant(
        "only the newest stratum is counted",
        "evidence",
        "    for stratum in evidence.strata:\n        yield from _doubled(stratum)",
        "    yield from _doubled(evidence.strata[-1])",
    ),
    Mutant(
        "a missing metric is none",
        "evidence",
        '                return f"{metric.name} of the {name} is missing"',
        "                return None",
    ),
    Mutant(
        "what is no number counts",
        "evidence",
        "            if not found.is_finite:",
        "            if False:",
    ),
    Mutant(
        "late outcomes are no matter",
        "evidence",
        "        _late(metric, evidence.strata[-1], least_known)\n        or _baseline",
        "        _baseline",
    ),
    Mutant(
        "an empty baseline is no matter", "evidence", "        or _baseline(metric, evidence)\n", ""
    ),
    Mutant("spread is no matter", "evidence", "        or _spread(metric, evidence)\n", ""),
    Mutant(
        "what is known off by one",
        "evidence",
        "if known < least_known * assigned:",
        "if known <= least_known * assigned:",
    ),
    Mutant(
        "arms may be known unevenly",
        "evidence",
        "if sequence.interval(apart, LATE_LEVEL).leaves_out(0.0):",
        "if False:",
    ),
    Mutant(
        "every baseline may be 0", "evidence", "if not may_be_zero and all(", "if False and all("
    ),
    Mutant("no baseline may be 0", "evidence", "if not may_be_zero and all(", "if all("),
    Mutant(
        "a primary metric may be 0",
        "evidence",
        'metric.role != "primary" and metric.kind == "proportion" and',
        'metric.kind == "proportion" and',
    ),
    Mutant(
        "a mean may be 0",
        "evidence",
        'metric.role != "primary" and metric.kind == "proportion" and',
        'metric.role != "primary" and',
    ),
    Mutant(
        "a relative loss may be of 0",
        "evidence",
        ' and metric.loss_is == "absolute"\n    )',
        "\n    )",
    ),
    Mutant(
        "a relative loss may be of less", "evidence", "        if value < 0:", "        if False:"
    ),
    Mutant(
        "one arm may spread without end",
        "evidence",
        "if max(one, other) > MOST_SPREAD**2 * min(one, other):",
        "if one > MOST_SPREAD**2 * other:",
    ),
    Mutant(
        "the other may",
        "evidence",
        "if max(one, other) > MOST_SPREAD**2 * min(one, other):",
        "if other > MOST_SPREAD**2 * one:",
    ),
    Mutant("a little spread is too much", "evidence", "MOST_SPREAD**2 * min", "MOST_SPREAD * min"),
)
LOSS = (
    Mutant(
        "the direction is flipped",
        "metric",
        'return 1 if self.better == "lower" else -1',
        'return 1 if self.better == "higher" else -1',
    ),
    Mutant(
        "direction is forgotten", "metric", 'return 1 if self.better == "lower" else -1', "return 1"
    ),
    Mutant(
        "broken and kept are swapped", "loss", "    if beyond.low > 0:", "    if beyond.high < 0:"
    ),
    Mutant("broken on a guess", "loss", "    if beyond.low > 0:", "    if beyond.high > 0:"),
    Mutant(
        "kept on a guess",
        "loss",
        'return "kept" if beyond.high < 0 else "open"',
        'return "kept" if beyond.low < 0 else "open"',
    ),
    Mutant("broken off by one", "loss", "    if beyond.low > 0:", "    if beyond.low >= 0:"),
    Mutant(
        "kept off by one",
        "loss",
        'return "kept" if beyond.high < 0',
        'return "kept" if beyond.high <= 0',
    ),
    Mutant(
        "nothing is tolerated of a share",
        "loss",
        "return 1 + metric.sign * tolerated, 0.0",
        "return 1.0, 0.0",
    ),
    Mutant(
        "what is tolerated is asked for",
        "loss",
        "return 1 + metric.sign * tolerated, 0.0",
        "return 1 - metric.sign * tolerated, 0.0",
    ),
    Mutant(
        "nothing is tolerated of a value",
        "loss",
        "return 1.0, metric.sign * tolerated",
        "return 1.0, 0.0",
    ),
    Mutant(
        "a value's tolerance is turned",
        "loss",
        "return 1.0, metric.sign * tolerated",
        "return 1.0, -metric.sign * tolerated",
    ),
    Mutant("a loss is a gain", "loss", "Interval(-found.high, -found.low)", "found"),
    Mutant(
        "only the newest stratum counts",
        "loss",
        "for pair in strata if metric",
        "for pair in strata[-1:] if metric",
    ),
    Mutant(
        "variances as they come",
        "loss",
        "tuple(cautious_arms(metric, *_moments(pair)) for pair in pairs)",
        "tuple(arms(metric, *_moments(pair)) for pair in pairs)",
    ),
    Mutant(
        "a variance is taken off",
        "estimate",
        "variance=variant.variance + times**2 * control.variance",
        "variance=variant.variance",
    ),
    Mutant(
        "the control is added",
        "estimate",
        "value=variant.value - times * control.value - less",
        "value=variant.value + times * control.value - less",
    ),
    Mutant(
        "arms are swapped in a contrast",
        "estimate",
        "    control, variant = pair\n    if min",
        "    variant, control = pair\n    if min",
    ),
    Mutant(
        "a few units are enough",
        "estimate",
        "if min(control.n, variant.n) < LEAST_UNITS",
        "if min(control.n, variant.n) < 1",
    ),
    Mutant(
        "units off by one for a contrast",
        "estimate",
        "if min(control.n, variant.n) < LEAST_UNITS",
        "if min(control.n, variant.n) <= LEAST_UNITS",
    ),
    Mutant(
        "strata weigh the same",
        "estimate",
        "value=sum(part.units * part.value for part in usable) / units",
        "value=sum(part.value for part in usable) / len(usable)",
    ),
    Mutant(
        "a fixed sample's multiplier",
        "sequence",
        "return math.sqrt((1 + 1 / ratio) * (-2 * math.log(alpha) + math.log1p(ratio)))",
        "return 1.96",
    ),
    Mutant(
        "an interval leaves out what it holds",
        "sequence",
        "return value < self.low or value > self.high",
        "return value > self.low or value > self.high",
    ),
)
RATIO = (
    Mutant(
        "a match is a mismatch",
        "sample_ratio",
        "return self.p_value < self.level",
        "return self.p_value > self.level",
    ),
    Mutant(
        "a mismatch never comes", "sample_ratio", "return self.p_value < self.level", "return False"
    ),
    Mutant(
        "only the newest split counts",
        "sample_ratio",
        "sum(_log_e(split) for split in splits)",
        "sum(_log_e(split) for split in splits[-1:])",
    ),
    Mutant(
        "shares are not scaled",
        "sample_ratio",
        "return self.shares[arm] / sum(self.shares.values())",
        "return self.shares[arm]",
    ),
)
ANALYSIS = (
    Mutant("a mismatch may win", "analysis", "    if ratio.is_mismatch:", "    if False:"),
    Mutant(
        "faults may win",
        "analysis",
        "    if faults:\n        return",
        "    if False:\n        return",
    ),
    Mutant(
        "nobody waits",
        "analysis",
        "    if waiting:\n        return",
        "    if False:\n        return",
    ),
    Mutant(
        "the largest variant is enough",
        "analysis",
        "least, rule = min(_primary_units",
        "least, rule = max(_primary_units",
    ),
    Mutant(
        "units off by one in a test",
        "analysis",
        "if least < rule.least_units",
        "if least <= rule.least_units",
    ),
    Mutant(
        "time off by one in a test",
        "analysis",
        "if not elapsed_s >= rule.least_time_s",
        "if not elapsed_s > rule.least_time_s",
    ),
    Mutant(
        "time that is no number is enough",
        "analysis",
        "if not elapsed_s >= rule.least_time_s",
        "if elapsed_s < rule.least_time_s",
    ),
    Mutant("the worse wins", "analysis", 'if standing == "better"]', 'if standing == "worse"]'),
    Mutant(
        "one worse variant makes the control win",
        "analysis",
        'if all(standing == "worse"',
        'if any(standing == "worse"',
    ),
    Mutant(
        "the control never wins",
        "analysis",
        'if all(standing == "worse" for standing, _ in told.values()):',
        "if False:",
    ),
    Mutant("the smallest gain wins", "analysis", "return max(gains", "return min(gains"),
    Mutant(
        "gains are losses",
        "analysis",
        "-first.sign * each.difference",
        "first.sign * each.difference",
    ),
    Mutant("guardrails are dropped", "analysis", 'each.loss != "kept"]', "False]"),
    Mutant(
        "an open guardrail is kept", "analysis", 'each.loss != "kept"]', 'each.loss == "broken"]'
    ),
    Mutant(
        "a broken guardrail is open",
        "analysis",
        'if any(each.loss == "broken" for each in guards) or (worse and not better):',
        "if worse and not better:",
    ),
    Mutant("worse is no matter", "analysis", "    if worse:\n", "    if False:\n"),
    Mutant("mixed is worse", "analysis", "or (worse and not better):", "or worse:"),
    Mutant(
        "a fixed horizon is never over",
        "analysis",
        'return "no winner" if design.rule.horizon == "fixed" else "not yet"',
        'return "not yet"',
    ),
    Mutant(
        "a waiting test is final",
        "analysis",
        'design.rule.horizon == "fixed" and not waiting and',
        'design.rule.horizon == "fixed" and',
    ),
    Mutant(
        "an invalid test is final",
        "analysis",
        ' and not waiting and answer != "invalid"',
        " and not waiting",
    ),
    Mutant(
        "all metrics are one family",
        "analysis",
        "for metrics in (design.primary, others)",
        "for metrics in (design.metrics,)",
    ),
    Mutant(
        "secondary metrics win",
        "analysis",
        'primary = [each for each in mine if roles[each.metric] == "primary"]',
        "primary = mine",
    ),
    Mutant("double counts are valid", "analysis", "elif found.n > each.assigned:", "elif False:"),
    Mutant(
        "weights are no shares",
        "analysis",
        "split = Split(units, design.shares)",
        "split = Split(units, dict.fromkeys(units, 1.0))",
    ),
    Mutant(
        "no correction",
        "comparison",
        'if rule.correction != "none" and len(p_values) > 1:',
        "if False:",
    ),
    Mutant(
        "better and worse are swapped",
        "comparison",
        'return "worse" if lost > 0 else "better"',
        'return "better" if lost > 0 else "worse"',
    ),
    Mutant(
        "every p-value is small enough",
        "comparison",
        "if not p_value <= rule.alpha or not lost:",
        "if not lost:",
    ),
    Mutant(
        "intervals are not corrected",
        "comparison",
        'rule.alpha / (1 if rule.correction == "none" else together)',
        "rule.alpha",
    ),
    Mutant(
        "a fixed test may be looked at",
        "comparison",
        '    if rule.horizon == "fixed":\n        if is_plain:',
        "    if True:\n        if is_plain:",
    ),
    Mutant(
        "raising the exposure is any change", "design", "if share < self.exposure:", "if False:"
    ),
)
MUTANTS = (*RAMP, *EVIDENCE, *LOSS, *RATIO, *ANALYSIS)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module of the package with other source."""

    def __init__(self, module: str, source: str) -> None:
        self.name = f"runlore.rollout.{module}"
        self.path = PACKAGE / f"{module}.py"
        self.source = source

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)  # noqa: S102


def is_killed(mutant: Mutant | None) -> bool:
    """Whether a test fails; None: the unchanged code."""
    forget()
    finder = None
    if mutant:
        source = (PACKAGE / f"{mutant.module}.py").read_text(encoding="utf-8")
        if source.count(mutant.old) != 1:
            raise SystemExit(
                f"{mutant.name}: {mutant.old!r} stands {source.count(mutant.old)} times"
            )
        finder = Changed(mutant.module, source.replace(mutant.old, mutant.new))
        sys.meta_path.insert(0, finder)
    try:
        return run_tests(mutant.module if mutant else "") != 0
    finally:
        if finder:
            sys.meta_path.remove(finder)


def forget() -> None:
    local = {path.stem for path in HERE.glob("*.py")}
    for name in list(sys.modules):
        if name.startswith("runlore.rollout") or name in local:
            del sys.modules[name]


def run_tests(module: str) -> int:
    """Those that are about the module first."""
    import pytest

    plain = ["-x", "-q", "--noconftest", "--assert=plain", "--tb=native"]
    plain += [f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "unraisableexception")]
    leave_out = ["-k", "not every_look", "-m", "not slow"]
    is_of_analyses = module in OF_ANALYSES
    order = (OTHER_TESTS, RAMP_TESTS) if is_of_analyses else (RAMP_TESTS, OTHER_TESTS)
    tests = [str(HERE / name) for names in order for name in names]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return int(pytest.main([*plain, *leave_out, *tests]))


def main(words: Sequence[str]) -> int:
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(HERE)]
    chosen = [each for each in MUTANTS if all(word in each.name for word in words)]
    if is_killed(None):
        sys.stdout.write("the unchanged code fails its tests\n")
        return 1
    alive = []
    for mutant in chosen:
        killed = is_killed(mutant)
        if not killed:
            alive.append(mutant)
        told = "killed" if killed else "ALIVE "
        sys.stdout.write(f"{told}  {mutant.module:<12}  {mutant.name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
