"""A registered version loads and answers as any MLflow model does."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from handmade import plan_of, write_bundle

from runlore.models.bundle import Bundle
from runlore.specs.catalog import duration, failure_risk

LOAD = """
import json, sys
import mlflow.pyfunc
import numpy as np
import pandas as pd
model = mlflow.pyfunc.load_model(f"models:/{sys.argv[1]}@champion")
names = model.metadata.get_input_schema().input_names()
rows = pd.DataFrame(np.array(json.load(sys.stdin), dtype=np.float64), columns=names)
shuffled = model.predict(rows[names[::-1]].sample(frac=1, random_state=0)).sort_index()
assert shuffled.equals(model.predict(rows))
try:
    model.predict(rows[names[1:]])
except Exception as error:
    assert names[0] in str(error), error
else:
    raise AssertionError("a missing feature must be refused")
unwanted = {"sklearn", "xgboost"} & set(sys.modules)
assert not unwanted, unwanted
print(json.dumps(shuffled.to_dict("list")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("of", [failure_risk.SPEC, duration.SPEC], ids=lambda spec: spec.name)
def test_the_champion_loads_by_its_alias_and_answers_like_its_bundle(
    registry, release, tmp_path, of
):
    folder = write_bundle(tmp_path / "real", of.name)
    bundle = Bundle.load(folder)
    names = plan_of(of).names
    release = replace(
        release,
        folder=folder,
        digest=bundle.digest,
        features=names,
        example=(1.0, *([float("nan")] * (len(names) - 1))),
        has_interval=not of.is_probability,
    )
    with registry.training_run(release.spec) as run:
        registry.announce(registry.register(run, release))

    rows = np.random.default_rng(0).normal(0, 3, (50, len(names)))
    rows[::7, 3] = np.nan
    environment = os.environ | {"MLFLOW_TRACKING_URI": registry.tracking_uri}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, release.spec],
        input=json.dumps(rows.tolist()),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mismatch" not in done.stderr
    found = json.loads(done.stdout)
    expected = bundle.predict(rows.astype(np.float32))
    assert list(found) == (["prediction"] if of.is_probability else ["prediction", "low", "high"])
    for name, values in found.items():
        np.testing.assert_allclose(values, getattr(expected, name), rtol=1e-12)
