"""Whether best times are real, in worlds with known truth.

    python bench/content_times.py [--worlds N] [--null N]

The personas are those of bench/content_suggestions.py. Beside it stands "the best of the slots with
2 posts or more", which always names one: the hour of the week with the highest mean rate.
"""

import argparse
import time

import numpy as np

from bench.content_suggestions import share_text
from bench.worlds.posts import Effects, PostWorld, draw_effects, make_posts
from runlore.engagement.rules.times.naming import find_best_times

LEAST = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--null", type=int, default=1_000)
    arguments = parser.parse_args()
    begun = time.process_time()
    planted(arguments.worlds)
    null(arguments.null)
    print(f"{time.process_time() - begun:.0f} CPU seconds")


def true_gains(world: PostWorld, effects: Effects) -> np.ndarray:
    """(168,) points beside the average hour of the week."""
    slots = (effects.weekday[:, None] + effects.hour[None, :]).ravel()
    return world.posts.rate.mean() * np.expm1(slots - slots.mean())


def best_mean(world: PostWorld) -> tuple[int, float]:
    """The slot with the highest mean rate, and what it seems to bring."""
    posts = world.posts
    slot = (posts.weekday * 24 + posts.hour).astype(int)
    count = np.bincount(slot, minlength=168)
    mean = np.bincount(slot, posts.rate, 168) / np.maximum(count, 1)
    at = int(np.where(count >= LEAST, mean, -np.inf).argmax())
    return at, float(mean[at] - posts.rate.mean())


def planted(worlds: int) -> None:
    named, inside, errors, everywhere, lost, naive_lost, naive_errors = [], [], [], [], [], [], []
    for seed in range(worlds):
        effects = draw_effects(np.random.default_rng(400_000 + seed), 1.0)
        world = make_posts(500_000 + seed, effects)
        truth, best = true_gains(world, effects), find_best_times(world.posts)
        hours = world.posts.rate.mean() * np.expm1(effects.hour - effects.hour.mean())
        named.append(bool(best.best_hours))
        for one in best.hours:
            is_inside = one.low <= hours[one.label] <= one.high
            everywhere.append(is_inside)
            if one.is_best:
                inside.append(is_inside)
                errors.append(one.gain - hours[one.label])
        at, gain = best_mean(world)
        naive_lost.append(hours.max() - hours[at % 24])
        naive_errors.append(gain - truth[at])
        if best.best_hours:
            lost.append(hours.max() - hours[best.best_hours[0].label])
    print(f"{worlds} personas with effects of time: {share_text(np.array(named))} name a best hour")
    print(f"  named hours: truth inside the 90 % interval in {share_text(np.array(inside))}")
    print(f"  predicted minus true: {np.mean(errors):+.2f} points")
    print(f"  all hours: inside {share_text(np.array(everywhere))}")
    print(f"  the best named hour is {np.mean(lost):.2f} points below the true best one")
    print(
        f"  best of slots with {LEAST} posts: {np.mean(naive_lost):.2f} below,"
        f" promises {np.mean(naive_errors):+.2f} points too much"
    )


def null(worlds: int) -> None:
    named, naive = np.zeros(worlds), []
    for at in range(worlds):
        world = make_posts(600_000 + at, draw_effects(np.random.default_rng(at), 0.0))
        named[at] = not find_best_times(world.posts).reason
        naive.append(best_mean(world)[1])
    print(f"null worlds that name a time: {share_text(named)}")
    print(f"  best of slots with {LEAST} posts: all name one, {np.mean(naive):+.2f} points")


if __name__ == "__main__":
    main()
