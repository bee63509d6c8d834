"""Pure: realised and estimated scores, floors, regressions."""
