"""Open the closure reports of releases in a real browser, as people would: light, dark, narrow and printed.

    python tools/look_at_report.py --output FOLDER RELEASE...

What is looked for: a message on the console, an error, a request for anything but the page itself, a page that is wider than
its window, and whatever axe-core says is not accessible (https://github.com/dequelabs/axe-core). Before that a page with all
of these faults is opened, and each has to be seen. The screenshots and the printed pages stay in the folder.

It needs the extra ``look`` and a Chromium on the machine; without a Chromium it says so and looks at nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it ships no types
from playwright.sync_api import sync_playwright

from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.render import closure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")


class View(NamedTuple):
    """How a page is looked at."""

    name: str
    width: int
    scheme: Literal["light", "dark"]


VIEWS: Final = (View("light", 1280, "light"), View("dark", 1280, "dark"), View("narrow", 320, "light"))

FAULTS: Final = """\
<!DOCTYPE html><html><head><title></title></head><body>
<p style="width: 3000px; color: #999">wide and pale</p>
<img src="https://nowhere.invalid/picture.png">
<script>console.error("told on the console"); throw new Error("thrown")</script>
</body></html>
"""
"""A page with every fault that is looked for."""

KINDS: Final = ("console", "error", "request", "width", "axe")


def main() -> int:
    """Look at the reports, and tell what is wrong with them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("releases", nargs="+", type=Path, metavar="RELEASE", help="release file")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="where reports and pictures are kept"
    )
    arguments = parser.parse_args()
    found = next((path for name in BROWSERS if (path := shutil.which(name)) is not None), None)
    if found is None:
        print(f"skipped: found none of {', '.join(BROWSERS)} on this machine, so nobody looked at a report")
        return 0
    arguments.output.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # The sandbox does not work for root, as whom a container runs; the pages are our own.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        print(f"Chromium {browser.version}")
        blind = set(KINDS) - {kind for kind, _ in _faults_seen(browser, arguments.output)}
        if blind:
            print(f"of a page with every fault, nobody saw: {', '.join(sorted(blind))}")
            return 1
        faults = [fault for release in arguments.releases for fault in _look(browser, release, arguments.output)]
        browser.close()
    for fault in faults:
        print(fault)
    print(f"{len(arguments.releases)} reports looked at in {len(VIEWS)} views and in print: {len(faults)} faults")
    return 1 if faults else 0


def _faults_seen(browser: Browser, folder: Path) -> list[tuple[str, str]]:
    page = folder / "faults.html"
    page.write_text(FAULTS, encoding="utf-8")
    return [*_opened(browser, page, VIEWS[0])]


def _look(browser: Browser, release: Path, folder: Path) -> Iterator[str]:
    name = release.resolve().parent.name
    page = folder / f"{name}.html"
    page.write_text(closure.render(examine_release(release), "html"), encoding="utf-8")
    for view in VIEWS:
        for kind, what in _opened(browser, page, view, folder / f"{name}-{view.name}.png"):
            yield f"{name}, {view.name}: {kind}: {what}"
    printing = browser.new_page()
    printing.goto(page.resolve().as_uri())
    printing.pdf(path=folder / f"{name}.pdf", prefer_css_page_size=True)
    printing.close()


def _opened(browser: Browser, file: Path, view: View, picture: Path | None = None) -> Iterator[tuple[str, str]]:
    """What is wrong with a page in one view; the picture is taken last."""
    page = browser.new_page(viewport={"width": view.width, "height": 900}, color_scheme=view.scheme)
    own = file.resolve().as_uri()
    heard: list[tuple[str, str]] = []
    page.on("console", lambda message: heard.append(("console", message.text)))
    page.on("pageerror", lambda error: heard.append(("error", str(error))))
    page.on("request", lambda request: heard.append(("request", request.url)) if request.url != own else None)
    page.goto(own)
    width = page.evaluate("document.documentElement.scrollWidth")
    # Before axe-core joins the page, which is not the page's own doing.
    yield from heard
    if width > view.width:
        yield "width", f"{width} pixels in a window of {view.width}"
    yield from _inaccessible(page)
    if picture is not None:
        page.screenshot(path=picture, full_page=True)
    page.close()


def _inaccessible(page: Page) -> Iterator[tuple[str, str]]:
    for violation in Axe().run(page).response["violations"]:
        places = ", ".join(str(node["target"][0]) for node in violation["nodes"][:3])
        yield "axe", f"{violation['id']}: {violation['help']} ({places})"


if __name__ == "__main__":
    sys.exit(main())
