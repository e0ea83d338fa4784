"""Pictures: what is drawn, how it is labelled, and that nobody gets one without alternative text."""

from __future__ import annotations

import base64
import gc
import io
import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from astropy import units as u
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image

from photcheck import picture_file
from photcourse import display
from photcourse.simulate import tan_wcs


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def image():
    """30 rows, 50 columns; a bright corner at small x and small y, and one blind pixel."""
    image = np.random.default_rng(2).normal(10, 1, (30, 50))
    image[:3, :4] = 500
    image[20, 40] = np.nan
    return image


# --------------------------------------------------------------------------------------------------- show
def test_row_zero_is_at_the_bottom_and_axes_are_labelled_in_pixels(image):
    ax = display.show(image, unit="nJy", title="A field")
    (drawn,) = ax.images
    assert drawn.origin == "lower" and ax.get_ylim()[0] < ax.get_ylim()[1]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("x (pixel)", "y (pixel)", "A field")
    assert drawn.get_extent() == [-0.5, 49.5, -0.5, 29.5]
    assert drawn.get_cmap().name == "cividis" and drawn.get_interpolation() == "nearest"


def test_the_scale_ends_at_percentiles_of_the_finite_pixels(image):
    ax = display.show(image, percentiles=(5, 90))
    low, high = np.percentile(image[np.isfinite(image)], (5, 90))
    assert ax.images[0].get_clim() == pytest.approx((low, high))


@pytest.mark.parametrize("values", [np.full((4, 6), 3.0), np.full((4, 6), np.nan), np.zeros((4, 6), bool)])
def test_an_image_without_contrast_is_drawn_all_the_same(values):
    low, high = display.show(values).images[0].get_clim()
    assert low < high


def test_the_colour_bar_names_the_unit(image):
    ax = display.show(image, unit="nJy")
    assert ax.figure.axes[1].get_ylabel() == "value (nJy)"
    assert len(display.show(image, colorbar=False).figure.axes) == 1


def test_the_unit_of_a_quantity_is_taken():
    ax = display.show(np.arange(12.0).reshape(3, 4) * u.MJy / u.sr)
    assert ax.figure.axes[1].get_ylabel() == "value (MJy / sr)"


def test_a_cut_out_can_be_drawn_at_its_place(image):
    ax = display.show(image, extent=(99.5, 149.5, 199.5, 229.5))
    assert ax.get_xlim() == (99.5, 149.5) and ax.get_ylim() == (199.5, 229.5)


def test_given_axes_are_used(image):
    figure, axes = plt.subplots(1, 2)
    assert display.show(image, axes[1]) is axes[1]
    assert not axes[0].images and axes[1].images


def test_sky_coordinates_are_named_by_their_frame(image):
    equatorial = display.show(image, wcs=tan_wcs(image.shape, 53.1, -28.1))
    assert equatorial.get_xlabel() == "right ascension (ICRS)"
    galactic = display.show(image, wcs=tan_wcs(image.shape, 18.3, -0.2, galactic=True))
    assert galactic.get_xlabel() == "Galactic longitude (deg)"


def test_a_long_title_is_wrapped_and_stays_on_the_picture(image):
    ax = display.show(image, title="a simulated exposure " * 6)
    ax.figure.canvas.draw()
    box = ax.title.get_window_extent()
    assert ax.get_title().count("\n") >= 1
    assert box.x0 >= 0 and box.x1 <= ax.figure.bbox.x1


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_what_is_not_an_image_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=r"two axes, this array has the shape \(" + str(shape[0])):
        display.show(np.zeros(shape))


def test_an_empty_cut_out_says_how_it_came_about(image):
    with pytest.raises(ValueError, match=r"shape \(0, 20\): a cut-out that begins at a negative row"):
        display.show(image[-5:10, 0:20])


# --------------------------------------------------------------------------------------------------- mark
def test_marks_of_which_none_is_in_the_picture_are_told(image, capsys):
    ax = display.show(image)
    display.mark(ax, [(3, 29), (49, 3)])
    display.mark(ax, [])
    display.mark(ax, [(3, 3), (300, 3)])
    assert capsys.readouterr().out == ""
    display.mark(ax, (12, 44), radius=3)
    assert "None of the 1 marks lies in the picture (x -0.5 to 49.5, y -0.5 to 29.5)" in capsys.readouterr().out


def test_marks_lie_at_x_and_y_and_do_not_move_the_view(image):
    ax = display.show(image)
    before = ax.get_xlim(), ax.get_ylim()
    assert display.mark(ax, [(3.5, 20.0), (90.0, -40.0)], label="peaks") is ax
    (line,) = ax.lines
    assert line.get_xdata().tolist() == [3.5, 90.0] and line.get_ydata().tolist() == [20.0, -40.0]
    assert (ax.get_xlim(), ax.get_ylim()) == before
    assert line.get_label() == "peaks"


#: Machado, Oliveira & Fernandes 2009: how linear red, green and blue look to who lacks one kind of cones.
VIEWS = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def test_marks_stand_out_from_the_dark_and_the_bright_of_an_image_for_every_reader():
    def seen(colour: str | None) -> np.ndarray:
        ax = plt.figure(figsize=(2, 2), layout="none").add_axes((0, 0, 1, 1))
        display.show(np.tile(np.repeat([0.0, 1.0], 20), (40, 1)), ax, percentiles=(0, 100), colorbar=False)
        if colour:
            display.mark(ax, [[10, 10], [30, 10]], colour=colour)
            display.mark(ax, [[10, 30], [30, 30]], colour=colour, radius=6)
        ax.figure.canvas.draw()
        return (np.asarray(ax.figure.canvas.buffer_rgba())[..., :3] / 255) ** 2.2

    plain = seen(None)
    for colour in ("#D55E00", "white", "#56B4E9", "#E69F00"):
        marked = seen(colour)
        for view, matrix in VIEWS.items():
            light, other = (
                np.clip(p @ np.transpose(matrix), 0, 1) @ [0.2126, 0.7152, 0.0722] + 0.05 for p in (plain, marked)
            )
            stands_out = np.maximum(light / other, other / light) > 2.5
            quarters = [
                part.sum() for half in np.array_split(stands_out, 2) for part in np.array_split(half, 2, axis=1)
            ]
            assert min(quarters) > 20, (colour, view, quarters)


def test_one_position_and_no_position_are_positions(image):
    ax = display.show(image)
    display.mark(ax, (3.0, 4.0))
    display.mark(ax, [])
    assert [len(line.get_xdata()) for line in ax.lines] == [1, 0]


def test_an_aperture_is_a_circle_of_its_radius(image):
    ax = display.show(image)
    display.mark(ax, [(3.0, 4.0), (10.0, 12.0)], radius=2.5, label="aperture")
    circles = [(p.center, p.radius, p.get_fill()) for p in ax.patches]
    assert circles == [((3.0, 4.0), 2.5, False), ((10.0, 12.0), 2.5, False)]
    assert ax.get_legend_handles_labels()[1] == ["aperture"]


# ------------------------------------------------------------------------------------------------- publish
@pytest.mark.parametrize("text", ["", "   \n"])
def test_a_figure_without_alternative_text_is_refused(text):
    with pytest.raises(ValueError, match="needs alternative text"):
        display.publish(plt.figure(), alt=text)


def test_outside_a_notebook_the_figure_comes_back_closed():
    figure = plt.figure()
    assert display.publish(figure, alt="Nothing.") is figure
    assert not plt.fignum_exists(figure.number)


def test_no_warning_is_raised_headless(image):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = display.show(image, title="A")
        display.mark(ax, (3, 4), radius=3, label="one")
        ax.legend()
        ax.figure.savefig(io.BytesIO())


def test_the_style_is_that_of_the_block_only():
    before = plt.rcParams["image.cmap"]
    with display.style():
        assert plt.rcParams["image.origin"] == "lower"
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(display.COLOURS)
    assert plt.rcParams["image.cmap"] == before


def test_the_colours_differ_in_lightness_or_hue_for_every_reader():
    """Also to a reader without red-green vision (Vienot et al. 1999, reduced to its linear projection)."""
    rgb = np.array([matplotlib.colors.to_rgb(c) for c in display.COLOURS])
    deuteranope = np.array([[0.33066, 0.66934, 0.0], [0.33066, 0.66934, 0.0], [-0.02786, 0.02786, 1.0]])
    seen = (rgb**2.2) @ deuteranope.T
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=2)[~np.eye(len(rgb), dtype=bool)]
    assert distances.min() > 0.08


# ---------------------------------------------------------------------------------------------- the picture file
def opened(figure, **options):
    data, width = picture_file.png(figure, **options)
    return np.asarray(Image.open(io.BytesIO(data))), width


def test_a_smooth_ramp_keeps_its_colours():
    """256 colours for all of a figure made rings of a ramp, and tints of greys."""
    y, x = np.mgrid[:300, :300]
    figure, ax = plt.subplots()
    display.show(np.hypot(x - 100.0, y - 80.0), ax, cmap="Greys")
    ax.plot([10, 200], [20, 250], color="C1")
    pixels, _ = opened(figure)
    inside = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    assert inside.width > 2
    values = ax.images[0].get_cmap()(ax.images[0].norm(ax.images[0].get_array()))[..., :3]
    wanted = {tuple(colour) for colour in np.rint(values.reshape(-1, 3) * 255).astype(int)}
    got = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}
    # Every shade of the map that the image uses is in the picture, as it is in the map (rounding: one step).
    near = {tuple(np.add(c, d)) for c in got for d in ((0, 0, 0), (1, 1, 1), (-1, -1, -1))}
    assert len(wanted) > 150 and len(wanted - near) == 0


@pytest.mark.parametrize(("inches", "width"), [(5.0, 500), (9.0, 900), (12.0, 900)])
def test_a_picture_has_twice_the_pixels_of_the_page_and_is_at_most_900_wide(inches, width):
    figure, ax = plt.subplots(figsize=(inches, 3), dpi=100, layout="constrained")
    ax.plot([1, 2], [3, 4])
    pixels, shown = opened(figure, crop=False)
    assert shown == width and pixels.shape[1] == pytest.approx(2 * width, abs=1)
    # The figure is left as it was.
    assert figure.dpi == 100 and figure.get_figwidth() == inches


def test_the_file_holds_the_very_pixels_that_were_drawn():
    shown = Image.fromarray(np.random.default_rng(3).integers(0, 256, (37, 53, 3), dtype=np.uint8), "RGB")
    back = Image.open(io.BytesIO(picture_file.packed(shown)))
    assert back.mode == "RGB" and np.array_equal(np.asarray(back), np.asarray(shown))


def test_empty_borders_are_cropped_and_a_transparent_figure_is_on_white():
    figure = plt.figure(figsize=(6, 4), facecolor="none", dpi=100)
    figure.add_axes((0.4, 0.4, 0.2, 0.2), facecolor="none").plot([0, 1])
    pixels, width = opened(figure)
    assert width < 300 and tuple(pixels[0, 0]) == (255, 255, 255)
    whole, full = opened(figure, crop=False)
    assert full == 600 and whole.shape[:2] == (800, 1200)


def test_formulas_are_drawn_the_same_in_every_figure_and_garbage_is_collected_afterwards():
    files = []
    for _ in range(2):
        figure, ax = plt.subplots(figsize=(4, 3))
        ax.set(xscale="log", xlim=(1e-3, 1e5), title=r"$\sigma^2 = 10^{-3}$")
        files.append(picture_file.png(figure)[0])
    assert files[0] == files[1] and gc.isenabled()


# ------------------------------------------------------------------------------------------ words of the course
@pytest.fixture
def words(monkeypatch, tmp_path):
    (tmp_path / "9.yaml").write_text(
        '"9.1":\n  caption: A star & its rings.\n  alt: "Rings hold {share:.0f} % of <all>."\n'
    )
    monkeypatch.setattr(display, "FIGURES", tmp_path)
    display.words_of_document.cache_clear()
    yield
    display.words_of_document.cache_clear()


def test_a_figure_of_the_course_has_its_words_in_a_file_and_its_numbers_from_the_cell(words):
    text = display.figure_text("9.1", share=12.34)
    assert text == display.FigureText("9.1", "A star & its rings.", "Rings hold 12 % of <all>.")
    assert text.label == "Figure 9.1. A star & its rings."
    html = display.as_html(Image.new("RGB", (400, 200)), text)
    assert html.startswith(
        '<figure style="margin:0"><img alt="Rings hold 12 % of &lt;all&gt;." width="200" src="data:image'
    )
    assert html.endswith("<b>Figure 9.1.</b> A star &amp; its rings.</figcaption></figure>")


@pytest.mark.parametrize(("number", "values", "said"), [
    ("9.7", {}, "no words for a figure 9.7"),
    ("10.1", {}, "no words for a figure 10.1"),
    ("9.1", {}, "figure 9.1 names the value 'share'"),
])  # fmt: skip
def test_a_figure_without_words_is_refused(words, number, values, said):
    with pytest.raises(ValueError, match=said):
        display.publish(plt.figure(), number, **values)


def test_html_of_a_figure_survives_the_grader_s_cleaning(words):
    pytest.importorskip("photgrader")
    from photgrader.grading.sanitise import clean_html

    html = display.as_html(Image.new("RGB", (40, 20)), display.figure_text("9.1", share=3))
    cleaned = clean_html(html)
    for part in (
        "<figure",
        "<figcaption",
        "data:image/png;base64,",
        "max-width:100%",
        'alt="Rings hold 3 %',
        "Figure 9.1.",
    ):
        assert part in cleaned


NOTEBOOK = """
import numpy as np
from photcourse.display import show, publish
ax = show(np.random.default_rng(1).normal(size=(40, 60)), unit="nJy", title="Noise")
publish(ax.figure, alt='Noise, 40 x 60 pixels: "no" star & <nothing> else.')
import matplotlib
print(matplotlib.rcParams["image.origin"])
"""
TEXT = 'Noise, 40 x 60 pixels: "no" star & <nothing> else.'


@pytest.fixture(scope="module")
def notebook():
    cells = [nbformat.v4.new_code_cell(NOTEBOOK)]
    kernel = {"name": "python3", "display_name": "Python 3"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    NotebookClient(made, timeout=120).execute()
    return made


@pytest.mark.heavy
def test_a_notebook_shows_one_picture_in_two_forms_both_with_the_text(notebook):
    shown = [o for o in notebook.cells[0].outputs if o.output_type in ("display_data", "execute_result")]
    assert len(shown) == 1
    picture = Image.open(io.BytesIO(base64.b64decode(shown[0].data["image/png"])))
    assert picture.format == "PNG" and picture.width > 300
    assert shown[0].metadata["image/png"]["alt"] == TEXT
    width = shown[0].metadata["image/png"]["width"]
    assert width == pytest.approx(picture.width, abs=1) and f'width="{width}"' in shown[0].data["text/html"]
    sharp = shown[0].data["text/html"].split("base64,")[1].split('"')[0]
    assert Image.open(io.BytesIO(base64.b64decode(sharp))).width == pytest.approx(2 * width, abs=1)
    assert shown[0].data["text/html"].startswith('<img alt="Noise, 40 x 60 pixels: &quot;no&quot; star &amp; &lt;')
    assert shown[0].data["text/plain"] == "Figure: " + TEXT


@pytest.mark.heavy
def test_a_notebook_has_the_course_s_style_from_the_import_on(notebook):
    texts = [o.text for o in notebook.cells[0].outputs if o.output_type == "stream"]
    assert texts == ["lower\n"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("template", "form"), [("lab", "text/html"), ("classic", "text/html"), ("classic", "image/png")]
)
def test_nbconvert_s_page_has_the_text(notebook, template, form):
    """The lab template knows no ``alt`` in metadata: the HTML form is there for it."""
    from bs4 import BeautifulSoup
    from traitlets.config import Config

    config = Config({"NbConvertBase": {"display_data_priority": [form]}})
    page, _ = HTMLExporter(config=config, template_name=template).from_notebook_node(notebook)
    pictures = BeautifulSoup(page, "html.parser").find_all("img")
    assert [p["alt"] for p in pictures] == [TEXT]
    assert pictures[0]["src"].startswith("data:image/png;base64,")


def test_where_a_notebook_is_only_validated_no_picture_is_drawn(monkeypatch):
    monkeypatch.setattr(display, "_in_notebook", lambda: True)
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    monkeypatch.setattr(display, "picture", lambda figure: pytest.fail("drawn"))
    figure = plt.figure()
    assert display.publish(figure, alt="A picture.") is None
    assert not plt.get_fignums()
    with pytest.raises(ValueError, match="alternative text"):
        display.publish(plt.figure(), alt="")
    plt.close("all")
