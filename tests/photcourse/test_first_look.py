"""Suggestions for a first look, and the viewer that is there."""

from __future__ import annotations

import importlib.machinery
import sys
import types

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from astropy.io import fits

from photcourse import first_look
from photcourse.visit import load_visit_image

IMAGE = np.random.default_rng(4).normal(0, 1, (37, 52))


def module(name: str, **parts: object) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__spec__ = importlib.machinery.ModuleSpec(name, None)
    vars(made).update(parts)
    return made


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.delenv("FIREFLY_URL", raising=False)
    for name in ("firefly_client", "jdaviz"):
        monkeypatch.setitem(sys.modules, name, None)


def test_a_star_and_a_galaxy_are_suggested_and_both_stand_alone():
    exposure = load_visit_image("embedded")
    (x, y), (gx, gy) = first_look.suggest_sources(exposure)
    for place, kind in (((x, y), "star"), ((gx, gy), "galaxy")):
        distance = np.hypot(exposure.truth["x"] - place[0], exposure.truth["y"] - place[1])
        assert distance.min() < 2 and exposure.truth["kind"][distance.argmin()] == kind
    assert not exposure.flagged("SAT", "CR", "BAD")[y - 10 : y + 11, x - 10 : x + 11].any()


def test_an_image_without_a_lone_peak_says_so():
    exposure = load_visit_image("embedded")
    exposure.image = np.zeros_like(exposure.image)
    with pytest.raises(ValueError, match="no bright peak stands alone"):
        first_look.suggest_sources(exposure)


def test_without_a_viewer_there_is_a_window_with_sliders(nothing_installed):
    assert "window with sliders" in first_look.view(IMAGE, title="sky")


def test_firefly_is_used_where_a_server_is_named(monkeypatch, nothing_installed):
    shown = {}

    class Client:
        @staticmethod
        def make_client(url):
            shown["url"] = url
            return Client()

        def upload_file(self, path):
            shown["image"] = fits.getdata(path)
            shown["header"] = fits.getheader(path)
            return "handle"

        def show_fits(self, handle, plot_id, Title):
            shown["plot"] = (handle, plot_id, Title)

    monkeypatch.setitem(sys.modules, "firefly_client", module("firefly_client", FireflyClient=Client))
    assert "sliders" in first_look.view(IMAGE), "no server is named yet"
    monkeypatch.setenv("FIREFLY_URL", "https://firefly.example")
    assert first_look.view(IMAGE, title="sky") == "sky, shown in Firefly."
    assert shown["url"] == "https://firefly.example" and shown["plot"] == ("handle", "sky", "sky")
    assert shown["image"] == pytest.approx(IMAGE.astype(np.float32))


def test_imviz_is_used_where_it_is_installed_and_a_viewer_that_fails_gives_way(monkeypatch, nothing_installed):
    shown = []

    class Imviz:
        def load_data(self, data, data_label):
            shown.append((data.data.shape, data_label))

        def show(self):
            shown.append("shown")

    monkeypatch.setitem(sys.modules, "jdaviz", module("jdaviz", Imviz=Imviz))
    assert first_look.view(IMAGE, title="sky") == "sky, shown in Imviz."
    assert shown == [((37, 52), "sky"), "shown"]
    monkeypatch.setattr(Imviz, "show", lambda self: 1 / 0)
    assert "Imviz did not answer (ZeroDivisionError), so a window with sliders" in first_look.view(IMAGE)


def test_noise_and_crowds_are_no_suggestion_but_a_lone_star_among_them_is():
    exposure = load_visit_image("embedded")
    rng = np.random.default_rng(6)
    exposure.image = rng.normal(0, 1, (150, 190))
    exposure.variance, exposure.mask = np.ones((150, 190)), np.zeros((150, 190), dtype=int)
    yy, xx = np.indices(exposure.image.shape)
    for x, y, height in ((120, 40, 60), (50, 100, 90), (57, 101, 80), (50, 107, 70)):
        exposure.image += height * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 8)
    exposure.image[10, 10] = 400
    assert first_look.suggest_sources(exposure) == ((120, 40), (120, 40))
