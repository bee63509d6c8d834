"""Whether suggestions for posts bring what they promise, in worlds with known truth.

    python bench/content_suggestions.py [--worlds N] [--null N]

A world has 10 personas with 200 to 700 posts in 240 days and effects of their own: hour, weekday,
hashtags, length, media and call to action are factors of the rate. Media, calls, hashtags and
lengths follow the hour and the content type; levels and trends differ by persona; days and weeks
have luck. The realised gain is the true mean change of the posts that lack what is suggested.

Beside it: the same estimates without allowing for the choice, plain differences of means, and the
rules of thumb (media + 35 %, call to action + 12.5 %). In null worlds nothing matters but luck.
"""

import argparse
import time
from collections.abc import Iterable

import numpy as np

from bench.worlds.posts import PostWorld, draw_effects, make_posts
from runlore.engagement.rules.suggestions.searching import PostChange, search_changes

PERSONAS = 10
THUMBS = {"has_media": 0.35, "has_call_to_action": 0.125}


def personas(seed: int) -> Iterable[PostWorld]:
    for one in range(PERSONAS):
        number = seed * 1_000 + one
        yield make_posts(number, draw_effects(np.random.default_rng(number + 7), 1.0))


def share_text(hits: np.ndarray) -> str:
    error = 1.96 * np.sqrt(hits.mean() * (1 - hits.mean()) / len(hits))
    return f"{hits.mean():.1%} of {len(hits)} (binomial ± {error:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--null", type=int, default=1_000)
    arguments = parser.parse_args()
    begun = time.process_time()
    planted(arguments.worlds)
    null(arguments.null)
    print(f"{time.process_time() - begun:.0f} CPU seconds")


def planted(worlds: int) -> None:
    rows, means, thumbs = [], [], []
    for seed in range(200, 200 + worlds):
        mine = []
        for world in personas(seed):
            changes = search_changes({"instagram": world.posts}).changes
            mine += [_row(one, world.truth[one.of.lever, one.of.value]) for one in changes]
            thumbs += list(_thumb_errors(world))
        rows += mine
        means.append(np.mean([row[0] for row in mine]))
    values = np.array(rows, dtype=np.float64)
    print(f"{worlds} worlds of {PERSONAS} personas: {len(rows)} suggestions")
    print(
        f"  predicted minus realised: {values[:, 0].mean():+.2f} points (by world"
        f" {min(means):+.2f} to {max(means):+.2f}); mean realised {values[:, 3].mean():.2f}"
    )
    print(f"  realised gain inside the 90 % interval: {share_text(values[:, 1])}")
    print(f"  harmful or useless: {(values[:, 3] <= 0).mean():.1%}")
    print(
        f"  without allowing for the choice: {values[:, 4].mean():+.2f} points,"
        f" inside {share_text(values[:, 5])}"
    )
    print(
        f"  plain differences of means: {values[:, 6].mean():+.2f} points,"
        f" root mean square {np.sqrt((values[:, 6] ** 2).mean()):.2f}"
        f" (suggestions: {np.sqrt((values[:, 0] ** 2).mean()):.2f})"
    )
    errors = np.array(thumbs)
    print(
        f"  rules of thumb: {errors.mean():+.2f} points,"
        f" root mean square {np.sqrt((errors**2).mean()):.2f}, {len(errors)} claims"
    )


def _row(one: PostChange, truth: float) -> tuple[float, ...]:
    low, gain, high = one.gains
    of = one.of
    is_inside_naive = of.gain(of.low) <= truth <= of.gain(of.high)
    naive = of.gain(of.effect) - truth
    return (
        gain - truth,
        low <= truth <= high,
        high - low,
        truth,
        naive,
        is_inside_naive,
        (of.plain - truth),
    )


def _thumb_errors(world: PostWorld) -> Iterable[float]:
    for lever, claim in THUMBS.items():
        lacking = getattr(world.posts, lever) == 0
        yield claim * float(world.posts.rate[lacking].mean()) - world.truth[lever, "yes"]


def null(worlds: int) -> None:
    named = np.zeros(worlds)
    for at in range(worlds):
        world = make_posts(300_000 + at, draw_effects(np.random.default_rng(at), 0.0))
        named[at] = bool(search_changes({"instagram": world.posts}).changes)
    print(f"null worlds that name a gain: {share_text(named)}")


if __name__ == "__main__":
    main()
