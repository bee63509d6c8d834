import pytest

from runlore.registry.names import LONGEST, score_name
from runlore.registry.notes import fitted

LABELS = (
    "etl",
    "a/b",
    "a b",
    "a_b",
    "ä",
    "",
    ".",
    "..",
    "100 %",
    "x" * 300,
    "a=b",
    "a:b",
    "∞",
    "a+b",
)


def test_every_label_becomes_a_name_of_its_own_that_mlflow_takes(registry, client, spec):
    names = [score_name("slice", f"kind={label}", "auc") for label in LABELS]
    apart = {name for label, name in zip(LABELS, names, strict=True) if label != "a:b"}
    assert len(apart) == len(LABELS) - 1
    assert all(len(name) <= LONGEST for name in names)
    with registry.training_run(spec) as run:
        run.scores({name: float(at) for at, name in enumerate(names)})
    assert set(client.get_run(run.id).data.metrics) == set(names)


@pytest.mark.parametrize("most", [40, 60, 200])
def test_a_cut_text_never_exceeds_its_limit(most):
    text = "# A\n\n" + "\n\n".join(f"## {i}\n" + "word " * 8 for i in range(9))
    cut = fitted(text, most, "x")
    assert len(cut) <= most
    assert cut.endswith("The rest is in x.")
