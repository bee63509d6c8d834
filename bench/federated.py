"""What privacy costs a federated model, and whether attacks find a persona in it.

    python bench/federated.py price [--personas 100 1000 10000] [--seeds N]
    python bench/federated.py audit [--runs N]
    python bench/federated.py hostile [--seeds N]

A simulated world with known truth: engagement on a logarithmic scale is a shared linear function of
15 inputs within [-1, 1], plus a persona's own level (standard deviation .5) and slopes (.1 each),
plus noise (.6). A persona has 5 to 80 posts. Errors are root mean squares against the truth of a
new persona's posts, without the noise. Intervals are 95 % over worlds.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from runlore.kernel.errors import Refused
from runlore.privacy.rules.auditing import audit_epsilon
from runlore.privacy.rules.federated.local_updates import ClientRows, Values
from runlore.privacy.rules.federated.noise import STEPS, add_noise, noise_scale
from runlore.privacy.rules.federated.personal import personalise
from runlore.privacy.rules.federated.policy import FederatedPolicy
from runlore.privacy.rules.federated.training import Attack, train_federated

INPUTS = 16
LEVEL_SD, SLOPE_SD, NOISE_SD = 0.5, 0.1, 0.6
NEW, NEW_POSTS, TEST_POSTS = 200, (0, 5, 20, 50), 50
PUBLISHED = FederatedPolicy()


class World:
    def __init__(self, seed: int, personas: int, most_posts: int = 80, first: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.shared = np.append(0.3, self.random.normal(0, 0.2, INPUTS - 1))
        counts = self.random.integers(5, most_posts + 1, personas)
        counts[0] = first or counts[0]
        self.rows, self.truths = self.posts(counts)

    def posts(self, counts: NDArray[np.int64]) -> tuple[ClientRows, Values]:
        """Posts of new personas, and the true model of each."""
        random, personas = self.random, len(counts)
        own = np.column_stack(
            [
                random.normal(0, LEVEL_SD, personas),
                random.normal(0, SLOPE_SD, (personas, INPUTS - 1)),
            ]
        )
        truths = self.shared + own
        centres = random.uniform(-0.5, 0.5, (personas, INPUTS))
        owners = np.repeat(np.arange(personas), counts)
        spread = random.uniform(-0.7, 0.7, (len(owners), INPUTS))
        features = np.clip(centres[owners] + spread, -1, 1)
        features[:, 1::3] = np.sign(features[:, 1::3])
        features[:, 0] = 1
        targets = np.einsum("nd,nd->n", features, truths[owners])
        targets += random.normal(0, NOISE_SD, len(owners))
        names = tuple(map(str, range(personas)))
        return ClientRows(names, features, targets, np.cumsum(counts) - counts), truths


def no_noise(total: NDArray[np.int64], _sensitivity: float, _rho: float) -> NDArray[np.int64]:
    return total


def pooled(rows: ClientRows) -> Values:
    gram = rows.features.T @ rows.features + 1e-3 * np.eye(INPUTS)
    return np.asarray(np.linalg.solve(gram, rows.features.T @ rows.targets))


def new_errors(world: World, models: dict[str, Values], seed: int) -> dict[tuple[str, int], float]:
    """Of 200 new personas, by model and by how many posts they have."""
    world.random = np.random.default_rng([seed, 99])
    most = max(NEW_POSTS)
    rows, truths = world.posts(np.full(NEW, most + TEST_POSTS))
    features = rows.features.reshape(NEW, -1, INPUTS)
    targets = rows.targets.reshape(NEW, -1)
    errors = {}
    for posts in NEW_POSTS:
        first = ClientRows(
            rows.personas,
            features[:, :posts].reshape(-1, INPUTS),
            targets[:, :posts].ravel(),
            np.arange(NEW) * posts,
        )
        for name, model in models.items():
            own = personalise(first, model, PUBLISHED) if posts else np.tile(model, (NEW, 1))
            missed = np.einsum("knd,kd->kn", features[:, most:], own - truths)
            errors[name, posts] = float(np.sqrt((missed**2).mean()))
    return errors


def price(personas: int, seeds: int) -> None:
    errors: dict[tuple[str, int], list[float]] = defaultdict(list)
    refused: dict[str, list[str]] = defaultdict(list)
    gains = defaultdict(list)
    began = time.process_time()
    for seed in range(seeds):
        world = World(seed, personas)
        free = train_federated(world.rows, PUBLISHED, no_noise)
        models = {
            "local only": np.zeros(INPUTS),
            "mean of all, no noise": np.append(world.shared[0], np.zeros(INPUTS - 1)),
            "pooled, no privacy": pooled(world.rows),
            "federated, no noise": free.model,
        }
        for epsilon in (1.0, 0.5):
            try:
                found = train_federated(world.rows, FederatedPolicy(epsilon=epsilon))
            except Refused as reason:
                refused[f"epsilon {epsilon}"].append(str(reason))
                continue
            models[f"federated, epsilon {epsilon}"] = found.model
            gains[epsilon].append(found.scores.over_mean_low > 0 and found.scores.over_local > 0)
        for key, value in new_errors(world, models, seed).items():
            errors[key].append(value)
    print(f"\n{personas:,} personas, {seeds} worlds, {time.process_time() - began:.0f} CPU s")
    names = list(dict.fromkeys(name for name, _ in errors))
    print("| error of a new persona with | " + " | ".join(f"{n} posts" for n in NEW_POSTS) + " |")
    print("|---|" + "---|" * len(NEW_POSTS))
    for name in names:
        cells = [interval(errors[name, posts]) for posts in NEW_POSTS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    for epsilon, passed in gains.items():
        print(f"epsilon {epsilon}: gates passed in {sum(passed)} of {seeds} worlds")
    for name, reasons in refused.items():
        print(f"{name}: {len(reasons)} refused: {reasons[0]}")


def interval(values: list[float]) -> str:
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{mean:.3f} ± {half:.3f}"


CANARY = np.full(INPUTS, 1.0)


def canary_run(
    rows: ClientRows, policy: FederatedPolicy, scale: float, *, has_canary: bool
) -> float:
    """What an attacker sees who knows all other personas, and the canary's updates.

    scale: of the noise; 1 is what is promised. Returns the log of the likelihood ratio, but for a
    constant, over the counts, the mean and all rounds.
    """
    evidence = 0.0

    def spied(total: NDArray[np.int64], sensitivity: float, rho: float) -> NDArray[np.int64]:
        nonlocal evidence
        released = add_noise(total, sensitivity, rho / scale**2)
        sent = np.sqrt(np.full(len(total), 1 / len(total))) * STEPS * sensitivity
        if sensitivity > 1.5:  # the gains: the canary's are its own, and not looked at
            return released
        unseen = released - total + (sent if has_canary else 0)
        evidence += float(unseen @ sent) / (noise_scale(sensitivity, rho) * scale * STEPS) ** 2
        return released

    def shout(updates: Values) -> Values:
        if has_canary:
            updates[0] = 900 / np.sqrt(updates.shape[1])
        return updates

    taking_part = rows if has_canary else rows.batch(1, len(rows.personas))
    train_federated(taking_part, policy, spied, shout)
    return evidence


def audit(runs: int) -> None:
    policy = FederatedPolicy(epsilon=1.0)
    rows = World(1, 200, 40, first=40).rows  # whose weight is 1
    print(f"{runs} runs; a canary of {rows.counts[0]} posts sends the largest update in each round")
    cases = (("as promised", 1.0, runs), ("control: a tenth of the noise", 0.1, runs // 5))
    for name, scale, times in cases:
        ins, outs = (
            [canary_run(rows, policy, scale, has_canary=has) for _ in range(times // 2)]
            for has in (True, False)
        )
        found = audit_epsilon(ins, outs, policy.delta)
        verdict = "holds" if found.epsilon <= policy.epsilon else "BROKEN"
        print(
            f"{name}, {found.runs} runs: epsilon >= {found.epsilon:.2f} at 95 % (promised 1),"
            f" AUC {found.auc:.3f}: {verdict}",
            flush=True,
        )
    membership()


def membership() -> None:
    """Do members of a training have smaller losses than others of the same world?"""
    areas: dict[str, list[float]] = defaultdict(list)
    for seed in range(10):
        world = World(seed, 1_000, 40)
        others, _ = world.posts(np.diff(np.append(world.rows.starts, len(world.rows.targets))))
        models = {
            "federated, epsilon 1": train_federated(world.rows, FederatedPolicy()).model,
            "pooled, no privacy": pooled(world.rows),
        }
        for name, model in models.items():
            ins, outs = (
                -np.add.reduceat((rows.targets - rows.features @ model) ** 2, rows.starts)
                / rows.counts
                for rows in (world.rows, others)
            )
            areas[name].append(stats.mannwhitneyu(ins, outs).statistic / (len(ins) * len(outs)))
    for name, found in areas.items():
        print(f"membership by loss, {name}: AUC {interval(found)}, largest {max(found):.3f}")


def hostile(seeds: int) -> None:
    attacks: dict[str, Callable[[Values, int], Values | float]] = {
        "none": lambda sent, some: sent[:some],
        "NaN": lambda sent, some: np.nan,
        "inf": lambda sent, some: np.inf,
        "1e30": lambda sent, some: 1e30,
        "sign flipped, × 10": lambda sent, some: -10 * sent[:some],
        "all in one direction": lambda sent, some: 900 / np.sqrt(sent.shape[1]),
    }
    print("| 1,000 personas, epsilon 1; hostile | share | mean | trimmed mean | no clipping |")
    print("|---|---|---|---|---|")
    for name, attack in attacks.items():
        for share in (0.05, 0.2) if name != "none" else (0.0,):
            cells = [hostile_error(seeds, attack, share, of) for of in ("mean", "trimmed_mean", "")]
            print(f"| {name} | {share:.0%} | " + " | ".join(cells) + " |")


def hostile_error(
    seeds: int, attack: Callable[[Values, int], Values | float], share: float, averaging: str
) -> str:
    """averaging: empty is a plain mean that trusts everybody."""
    errors = []
    for seed in range(seeds):
        world = World(seed, 1_000, 40)

        def sent(updates: Values) -> Values:
            some = round(share * len(updates))
            updates[:some] = attack(updates, some)
            return updates

        if averaging:
            policy = FederatedPolicy(epsilon=1.0, averaging=averaging)  # type: ignore[arg-type]
            model = train_federated(world.rows, policy, attack=sent).model
        else:
            model = trusting(world.rows, sent)
        errors.append(new_errors(world, {"": model}, seed)["", 0])
    return interval(errors) if np.isfinite(errors).all() and max(errors) < 1e6 else "no model"


def trusting(rows: ClientRows, attack: Attack) -> Values:
    model = np.zeros(INPUTS)
    for _ in range(PUBLISHED.rounds + 1):
        halves = (rows.batch(0, 500), rows.batch(500, 1_000))
        steps = [attack(personalise(half, model, PUBLISHED) - model) for half in halves]
        with np.errstate(all="ignore"):
            model = model + np.vstack(steps).mean(axis=0)
        if not np.isfinite(model).all():
            return np.full(INPUTS, np.nan)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("what", choices=("price", "audit", "hostile"))
    parser.add_argument("--personas", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1_000)
    options = parser.parse_args()
    if options.what == "price":
        for personas in options.personas:
            price(personas, options.seeds if personas < 10_000 else max(2, options.seeds // 3))
    elif options.what == "audit":
        audit(options.runs)
    else:
        hostile(options.seeds)


if __name__ == "__main__":
    main()
