#!/usr/bin/env python3
"""Make the picture of the README: a failed check as a student sees it, photographed in Chromium."""

from __future__ import annotations

import pathlib
import tempfile

from PIL import Image
from playwright.sync_api import sync_playwright

from photcheck.render import verdict_html
from photcheck.student import judge_function
from photgrader.exercise import load_assignment, use_course

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> None:
    """Write ``docs/images/check.png``."""
    use_course(ROOT)
    exercise = load_assignment("ps1_psf_photometry").exercises["centroid"]
    spec = exercise.spec(10.0)
    function = exercise.callable_of(exercise.misconceptions["no-offset"])
    verdict = judge_function(function, spec, {})
    html = verdict_html(verdict, spec).replace("<details ", "<details open ", 1)
    style = "body{font:15px/1.45 system-ui,sans-serif;margin:14px;background:#fff;color:#1b1b1b} code{background:#f2f2f2;padding:0 .2em}"
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "check.html"
        page.write_text(
            f"<!DOCTYPE html><meta charset=utf-8><style>{style}</style>"
            f"<pre style='background:#f5f5f5;padding:.5em'>check(centroid)</pre>{html}",
            encoding="utf-8",
        )
        target = ROOT / "docs" / "images" / "check.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            # Twice as many pixels: the picture stays sharp where a screen has them.
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            sheet = browser.new_page(viewport={"width": 760, "height": 400}, device_scale_factor=2)
            sheet.goto(page.as_uri())
            sheet.screenshot(path=target, full_page=True)
            browser.close()
        with Image.open(target) as picture:
            # Fewer bytes, and every colour as it is: a palette would tint the pixels that the picture is about.
            picture.convert("RGB").save(target, optimize=True)


if __name__ == "__main__":
    main()
