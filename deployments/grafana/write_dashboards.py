"""Write the dashboards anew: `python deployments/grafana/write_dashboards.py`."""

from pathlib import Path

from runlore_dashboards.files import files

if __name__ == "__main__":
    for path, text in files():
        target = Path(__file__).parent / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
