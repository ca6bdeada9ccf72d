"""Screenshots of the dashboard, of the report and of the demo's page."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_inversion.core.errors import UserError, extra_of
from gan_inversion.core.storage import atomic
from gan_inversion.reporting.tensorboard import served, tab_place

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TABS = {
    "custom_scalars": ["Is the face accepted as the person?"],
    "hparams": ["headline/", "knowledge"],
    "pr_curves": ["members/"],
    "histograms": ["scores/"],
    "text": ["metrics"],
}  # tabs without photographs -> texts that show when they are complete
PHOTOGRAPHS = {"images": ["worst"], "projector": ["Points: "]}
DESK = {"width": 1400, "height": 1000}  # size of the window, pixels
PATIENCE = 180  # seconds to wait for a page, or for a text: machines may be busy
REST = 2  # seconds to wait until charts are drawn


@contextmanager
def browser() -> Iterator[Any]:
    """Open Chromium without a window.

    Raises:
        UserError: it is not installed, or Playwright is not.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise UserError(f"Playwright is not installed: {extra_of('dev')}") from error
    if CHROMIUM is None:
        raise UserError("expected chromium or google-chrome on the PATH, found neither")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(
            executable_path=CHROMIUM, args=options, timeout=1000 * PATIENCE
        )
        yield chromium
        chromium.close()


def show(view: Any, address: str, words: Sequence[str]) -> None:
    """Open an address and wait until all words are there.

    Raises:
        UserError: a word does not appear.
    """
    view.set_default_timeout(1000 * PATIENCE)  # for what is asked of it later, too
    view.goto(address)
    for word in words:
        end = time.monotonic() + PATIENCE
        # Some tabs are separate frames, which appear late.
        while not any(frame.get_by_text(word).count() for frame in view.frames):
            if time.monotonic() > end:
                raise UserError(f"expected {word!r} at {address}, but it did not appear")
            view.wait_for_timeout(500)


def picture_demo(page: Path, output: Path) -> None:
    """Write a screenshot of the demo's faces, which are drawn and may be shown."""
    with browser() as chromium:
        view = chromium.new_page(viewport=DESK)
        show(view, page.resolve().as_uri(), [])
        with atomic(output) as temporary:
            temporary.write_bytes(view.locator("table.faces").screenshot())
    print(output)


def picture_all(dashboard: Path, report: Path, output: Path) -> None:
    """Write a screenshot of each tab of a dashboard without photographs, and of the report."""
    with browser() as chromium, served(dashboard) as (address, _):
        places = {tab: (f"{address}/{tab_place(tab)}", words) for tab, words in TABS.items()}
        places["report"] = (report.resolve().as_uri(), ["What to do"])
        for name, (shown, words) in places.items():
            view = chromium.new_page(viewport=DESK)
            show(view, shown, words)
            view.wait_for_load_state("networkidle")
            view.wait_for_timeout(1000 * REST)
            with atomic(output / f"{name}.png") as temporary:
                temporary.write_bytes(view.screenshot())
            view.close()
            print(output / f"{name}.png")
