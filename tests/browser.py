"""A headless Chromium for the tests of pages, driven with Playwright; tests skip where either is missing."""

import contextlib
import os

import pytest

CHROMIUM = "/usr/bin/chromium"
QUIET = "disable-quic no-first-run disable-background-networking disable-component-update disable-sync"
WAIT = 60_000  # milliseconds that a test waits for what a busy machine does


@contextlib.contextmanager
def chromium(*flags):
    """A browser of Playwright's, with a new profile and `flags` more."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    arguments = ["--no-sandbox", *(f"--{flag}" for flag in (*QUIET.split(), *flags))]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()
