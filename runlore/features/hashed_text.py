"""Hashed TF-IDF of free text: a few numbers per text, of which no word can be read back.

Each token falls into two buckets, by two parts of its BLAKE2 digest, so that two tokens hardly
ever share both. A value is the number of a text's tokens in a bucket, as a share of all, times the
bucket's weight, which is high where few texts have a token there.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.features.declaration import TextWeights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BUCKETS = 32
MOST_TEXTS = 3  # inputs that are hashed; further ones are left out
SHIFTS = (0, 16)  # bits by which the parts of a digest are moved
MOST_LEARNED = 100_000  # texts that weights are learned from
BLOCK = 50_000  # texts of which the tokens are in memory at once
BETWEEN_TOKENS = r"[^\pL\pN]+"


def learn(name: str, texts: Sequence[object]) -> TextWeights:
    """Learn the weights from the texts of training; anything but text counts as none."""
    present = values(TextWeights(name, (1.0,) * BUCKETS), texts) > 0
    known = present.any(axis=1).sum()
    weights = np.log((1 + known) / (1 + present.sum(axis=0))) + 1
    return TextWeights(name, tuple(weights.tolist()))


def values(learned: TextWeights, texts: Sequence[object]) -> Floats:
    """(n, buckets): the values of n texts, each by itself; 0 where there is no token."""
    weights = np.array(learned.weights)
    table = np.empty((len(texts), len(weights)))
    for begin in range(0, len(texts), BLOCK):
        counts = _counts(_strings(texts[begin : begin + BLOCK]), len(weights))
        tokens = counts.sum(axis=1, keepdims=True) / len(SHIFTS)
        shares = counts / np.maximum(tokens, 1)
        table[begin : begin + BLOCK] = shares * weights
    return table


def _strings(texts: Sequence[object]) -> pa.Array:
    return pa.array([text if isinstance(text, str) else "" for text in texts], pa.string())


def _digest(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=4).digest(), "little")


def _counts(texts: pa.Array, buckets: int) -> Ints:
    """(n, buckets): how many tokens of each text fall into each bucket."""
    tokens = pc.split_pattern_regex(pc.utf8_lower(texts), BETWEEN_TOKENS)
    row = pc.list_parent_indices(tokens).to_numpy().astype(np.int64)
    codes, distinct = pd.factorize(pc.list_flatten(tokens).to_pandas())
    digests = np.array([_digest(token) for token in distinct], np.int64)
    is_token = np.array([token != "" for token in distinct], bool)
    keep = is_token[codes] if len(codes) else np.zeros(0, bool)
    token_digests = digests[codes[keep]]
    flat = [row[keep] * buckets + (token_digests >> shift) % buckets for shift in SHIFTS]
    counts = np.bincount(np.concatenate(flat), minlength=len(texts) * buckets)
    return counts.reshape(len(texts), buckets)
