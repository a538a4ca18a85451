"""The report in a real browser: no error, no request, all visible without scripts, nothing wider than the screen."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.report.test_inference import crowd
from vemo_audit.report import inference
from vemo_audit.report.page import page
from vemo_audit.report.render import render

pytestmark = pytest.mark.browser
CHROMIUM = next(
    (p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(p).exists()), ""
)
DRIVER = shutil.which("chromedriver") or ""
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium without scripts; the page is asked through the debugging protocol instead."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("no Chromium or chromedriver on this machine")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get("about:blank")  # leaves the browser's own start page, which logs and loads for itself
    yield driver
    driver.quit()


def open_page(browser, html: str, folder: Path, *, width: int = 1280, scheme: str = "light") -> Path:
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(path.as_uri())
    return path


def content_width(browser) -> int:
    """Width of the page in CSS pixels once it is laid out: before that the browser says 0, which fits anything."""
    until = time.monotonic() + 20
    while not (width := browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["width"]):
        assert time.monotonic() < until, "the page was never laid out"
        time.sleep(0.05)
    return width


def console(browser) -> list[str]:
    """What the page made the console say; a late word of the browser's own start page is not ours."""
    messages = [entry["message"] for entry in browser.get_log("browser")]
    return [message for message in messages if not message.startswith("chrome://")]


def requests(browser, page_uri: str) -> list[str]:
    """Addresses that the page asked for, itself included; the browser's own start page is not ours."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if _asked(e, page_uri)]


def _asked(event: dict, page_uri: str) -> bool:
    return event["method"] == "Network.requestWillBeSent" and event["params"]["documentURL"] == page_uri


def box(browser, selector: str) -> list[tuple[float, float]]:
    """Width and height of each element that matches, as laid out."""
    root = browser.execute_cdp_cmd("DOM.getDocument", {})["root"]["nodeId"]
    found = browser.execute_cdp_cmd("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
    models = [browser.execute_cdp_cmd("DOM.getBoxModel", {"nodeId": node})["model"] for node in found]
    return [(model["width"], model["height"]) for model in models]


@pytest.mark.parametrize("width", [1280, 320])
def test_no_error_no_request_and_all_sections_without_scripts(browser, run, tmp_path, width):
    made = page(run)
    path = open_page(browser, render(made), tmp_path, width=width)
    assert console(browser) == []
    assert requests(browser, path.as_uri()) == [path.as_uri()]
    for section in made.sections:
        ((wide, high),) = box(browser, f"section#{section.id}")
        assert wide > 200 and high > 40
    charts = box(browser, "svg[role=img]")
    assert len(charts) > 5
    assert all(wide > 150 and high > 60 for wide, high in charts)


@pytest.mark.parametrize("width", [1280, 320])
def test_a_page_of_an_inference_with_movements_asks_for_nothing_and_fits(browser, tmp_path, width):
    made = inference.page(crowd(2))
    path = open_page(browser, render(made, layout="inference"), tmp_path, width=width)
    assert console(browser) == [] and requests(browser, path.as_uri()) == [path.as_uri()]
    assert len(box(browser, "svg[role=img]")) == 6
    assert content_width(browser) <= width
    for section in made.sections:
        ((wide, high),) = box(browser, f"section#{section.id}")
        assert wide > 200 and high > 40


def test_nothing_is_wider_than_a_narrow_screen(browser, run, tmp_path):
    open_page(browser, render(page(run)), tmp_path, width=320)
    assert content_width(browser) <= 320


def test_a_wide_element_would_be_found(browser, gated, tmp_path):
    """The twin: a table out of its region makes the page scroll sideways."""
    broken = render(page(gated)).replace("overflow-x: auto;", "overflow-x: visible;")
    open_page(browser, broken, tmp_path, width=320)
    assert content_width(browser) > 320


def test_a_request_or_an_error_would_be_found(browser, gated, tmp_path):
    """The twin: a picture from outside is blocked by the policy, and the console says so."""
    broken = render(page(gated)).replace("<h1>", '<img src="https://example.invalid/x.png"><h1>', 1)
    open_page(browser, broken, tmp_path)
    until = time.monotonic() + 20  # the browser tells its console a little after the page is there
    told: list[str] = []
    while not any("Content Security Policy" in message for message in told) and time.monotonic() < until:
        told += console(browser)
        time.sleep(0.05)
    assert any("Content Security Policy" in message for message in told)
