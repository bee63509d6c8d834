"""Names that look like those of known packages: confusable letters, one letter off, `-official`."""

import re
import unicodedata
from collections.abc import Iterable

from runlore.marketplace.rules.manifest import Manifest

# Words that a copy adds to a known name.
ADDED = frozenset(
    ["agent", "ai", "app", "bot", "new", "official", "original", "plus", "pro", "real", "the"]
)
LOOKALIKES = str.maketrans("01345789", "oleastbg", "")
PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("i", "l"))
SHORTEST = 6  # shorter names are compared letter by letter only
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+")


def plain_letters(name: str) -> str:
    """Latin letters in the place of those that look like them.

    Source: Unicode Technical Standard 39, its table of confusables.

    >>> plain_letters("Тrеnd")  # Cyrillic Т and е
    'Trend'
    """
    from confusable_homoglyphs import confusables

    letters = unicodedata.normalize("NFKC", name)
    if letters.isascii():
        return letters
    found = confusables.is_confusable(letters, greedy=True, preferred_aliases=["latin"]) or []
    latin = {one["character"]: one["homoglyphs"][0]["c"] for one in found}
    plain = "".join(latin.get(letter, letter) for letter in letters)
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()


def name_words(name: str) -> list[str]:
    """The words of a name, in small letters.

    >>> name_words("ContentGeneratorPro"), name_words("content-generator_2")
    (['content', 'generator', 'pro'], ['content', 'generator', '2'])
    """
    return [word.lower() for word in PARTS.findall(name)]


def near_keys(names: Iterable[str]) -> list[str]:
    """Two names look alike when they have a key in common.

    The keys of a name are its core (confusable letters replaced, added words left out), and the
    core less each one letter. So one letter more, less, other or exchanged is found.

    Source: W. Garbe, SymSpell, symmetric delete spelling correction, 2012.

    >>> set(near_keys(["trend-analyzer"])) & set(near_keys(["TrendAnalyser-Official"])) != set()
    True
    >>> set(near_keys(["trend-analyzer"])) & set(near_keys(["trend-reporter"]))
    set()
    """
    keys: set[str] = set()
    for name in names:
        core = _core(name)
        keys.add(core)
        if len(core) >= SHORTEST:
            keys.update(core[:at] + core[at + 1 :] for at in range(len(core)))
    return sorted(keys)


def names_of(manifest: Manifest) -> tuple[str, str]:
    return manifest.name, manifest.card.title


def mixed_scripts(title: str) -> str | None:
    """Why a title is suspicious by itself; None: it is not.

    >>> mixed_scripts("Тrend") is None, mixed_scripts("Тренд"), mixed_scripts("Trend")
    (False, None, None)
    """
    scripts = {
        unicodedata.name(letter, "UNKNOWN").split()[0] for letter in title if letter.isalpha()
    }
    if "LATIN" in scripts and len(scripts) > 1:
        others = ", ".join(sorted(scripts - {"LATIN"})).lower()
        return f"title: mixes Latin letters with others ({others})"
    return None


def _core(name: str) -> str:
    words = name_words(plain_letters(name))
    kept = [word for word in words if word not in ADDED] or words
    core = "".join(kept).translate(LOOKALIKES)
    for pair, letter in PAIRS:
        core = core.replace(pair, letter)
    return core
