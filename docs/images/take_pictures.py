"""Take the README's pictures of the console anew, from a service that is up.

RUNLORE_API_KEYS=off runlore serve &       # over the home of `runlore demo`
python docs/images/take_pictures.py --url http://127.0.0.1:3000
"""

import argparse
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
FOLDER = Path(__file__).parent
PICTURES = {
    "console-home.png": ("/", 870),
    "console-spec.png": ("/console/specs/failure-risk", 1330),
}
LARGEST = 200_000
DRAWN = """() => [...document.querySelectorAll('figure[data-chart] .plot')]
  .every((plot) => plot.querySelector('.main-svg'))"""


def take(base: str, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (path, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": 1180, "height": height})
            answer = page.goto(base + path)
            if answer is None or answer.status != 200:
                raise SystemExit(f"{base}{path} does not answer with a page yet")
            page.wait_for_function(DRAWN)
            page.screenshot(path=folder / name)
            size = (folder / name).stat().st_size
            if size > LARGEST:
                raise SystemExit(f"{name}: {size:,} bytes are more than {LARGEST:,}")
            print(f"{folder / name}: {size:,} bytes")  # noqa: T201
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="it must ask for no key")
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder")
    options = parser.parse_args()
    take(options.url.rstrip("/"), options.to)


if __name__ == "__main__":
    main()
