"""What a student wrote is shown, and does nothing: outputs, Markdown, formulas, spreadsheets."""

from __future__ import annotations

import base64
import re

import nbformat
import pytest

from photgrader.gradebook import mathml
from photgrader.gradebook.mathml import OfflineHTMLExporter, to_mathml
from photgrader.grading.sanitise import clean_html, clean_output, csv_cell

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\1" * 2).decode()
HOSTILE = [
    "<script>evil()</script>",
    "<img src=x onerror=evil()>",
    "<svg onload=evil()><script>evil()</script></svg>",
    '<iframe srcdoc="evil()"></iframe>',
    '<a href="javascript:evil()">x</a>',
    '<a href=" jAvAsCrIpT&#58;evil()">x</a>',
    '<form action="https://evil()"><button>ok</button></form>',
    "<math><mtext><table><mglyph><style><img src=x onerror=evil()></style></mtext></math>",
    "<style>*{background:url(https://evil())}</style>",
    '<meta http-equiv="refresh" content="0;url=https://evil()">',
    '<base href="https://evil()">',
    '<object data="evil()"></object>',
    '<p style="background-image:url(https://evil())">x</p>',
    '<img src="https://evil()/seen.png">',
    '<noscript><p title="</noscript><img src=x onerror=evil()>">',
    '<div style="position:fixed;inset:0">evil()</div>',
    "<input onfocus=evil() autofocus>",
    "<!--><script>evil()</script>-->",
]


def harmless(html: str) -> bool:
    """Tell whether a piece of a page has nothing that runs, fetches or covers, by its own reading of HTML."""
    bad = r"<(script|iframe|object|embed|form|input|button|meta|base|link|style|svg)\b|\son\w+\s*=|javascript:|src=\"?http|url\(|position:"
    text = re.sub(r'(?s)(title|alt)="[^"]*"', "", html)
    return re.search(bad, text, re.IGNORECASE) is None


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_of_an_output_does_nothing(html):
    output = clean_output(
        nbformat.v4.new_output("display_data", data={"text/html": f"<table><tr><td>17</td></tr></table>{html}"})
    )
    assert harmless(output.data["text/html"])
    assert "<td>17</td>" in output.data["text/html"]


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_in_markdown_does_nothing_on_a_page(html):
    def page(text: str) -> str:
        whole = OfflineHTMLExporter().from_notebook_node(
            nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text, id="c1")])
        )[0]
        return whole[whole.index("<main>" if "<main>" in whole else "<body") :]

    found = re.search(r'(?s)<div class="jp-RenderedHTMLCommon.*?</main>', page(f"before **bold**\n\n{html}\n\nafter"))
    assert found and harmless(found.group().split("</div>")[0])
    assert "<strong>bold</strong>" in found.group()


def test_script_svg_widgets_and_unknown_kinds_are_left_out_and_it_is_said():
    data = {
        "application/javascript": "evil()",
        "image/svg+xml": "<svg onload=evil()/>",
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
    }
    output = clean_output(nbformat.v4.new_output("display_data", data=data))
    assert set(output.data) == {"text/plain"} and "not shown" in output.data["text/plain"]


def test_a_picture_stays_where_it_is_one_with_its_description_and_size():
    metadata = {
        "image/png": {"width": 300, "height": -1, "alt": 'a "star" <b>'},
        "filenames": {"image/png": "../../secret"},
    }
    output = clean_output(nbformat.v4.new_output("display_data", data={"image/png": PNG + "\n"}, metadata=metadata))
    assert output.data["image/png"] == PNG
    assert output.metadata == {"image/png": {"width": 300, "alt": "a  star   b "}}
    forged = clean_output(nbformat.v4.new_output("display_data", data={"image/png": 'x"><script>evil()</script>'}))
    assert "image/png" not in forged.data


def test_outputs_of_no_agreed_form_are_read_all_the_same():
    for body in (
        {"output_type": "display_data", "data": []},
        {"output_type": "execute_result", "data": {"text/html": ["<b>", 3]}, "execution_count": "x"},
        {"output_type": "error", "traceback": "x"},
        {"output_type": "stream", "name": "<b>", "text": ["a", "b"]},
        {"output_type": "display_data", "metadata": 3},
    ):
        nbformat.validator.validate(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell("", outputs=[clean_output(nbformat.from_dict(body))])]
            )
        )


def test_a_formula_longer_than_any_is_not_read(monkeypatch):
    """A fuzzer found that its reader takes up to half a millisecond a sign: a page is to last no longer than it may."""
    read = []
    monkeypatch.setattr(
        mathml.latex2mathml.converter, "convert", lambda tex, **_: read.append(len(tex)) or "<math></math>"
    )
    for signs in (mathml.LONGEST_FORMULA - 1, mathml.LONGEST_FORMULA, mathml.LONGEST_FORMULA + 1, 10**6):
        shown = to_mathml("<" * signs)
        assert (
            shown.startswith("<math") if signs <= mathml.LONGEST_FORMULA else shown == f"<code>{'&lt;' * signs}</code>"
        )
    assert read == [mathml.LONGEST_FORMULA - 1, mathml.LONGEST_FORMULA]


def test_formulas_stay_formulas_and_carry_no_script_or_link():
    assert to_mathml(r"\frac{a}{b}").count("<mfrac>") == 1
    for tex in (
        r"\text{<script>evil()</script>}",
        r"\href{javascript:evil()}{x}",
        r"\mathrm{<img src=x onerror=evil()>}",
    ):
        assert harmless(to_mathml(tex)), to_mathml(tex)


def test_html_nested_without_end_is_bounded():
    assert "not shown" in clean_html("<div>" * 100_000)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\ufeff=1", "＝1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text):
    assert csv_cell(text) == "'" + text.replace("\t=", "\t'=").replace("\r=", "\r'=")
    assert csv_cell("a=1") == "a=1" and csv_cell("well-known; see ps1, -1") == "well-known; see ps1, -1"


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r"])
def test_what_another_separator_would_make_a_cell_of_is_no_formula_either(separator):
    """Where people write 1,5 a spreadsheet parts a line at semicolons; and a quote inside of a cell guards no end of line."""
    assert csv_cell(f"Bobby{separator}=1+1") == f"Bobby{separator}'=1+1"
    assert csv_cell(f'Bobby"{separator} ＠x{separator}-1') == f"Bobby\"{separator}' ＠x{separator}'-1"


ALIKE = {
    "wide letters": "\uff3b\uff47\uff52\uff41\uff44\uff45\uff52\uff3d",
    "Cyrillic": "[gr\u0430d\u0435r]",
    "capitals": "[GR\u0410D\u0415R]",
    "other brackets": "\u3010grader\u3011",
    "mathematical": "[\U0001d5c0rader]",
    "underlined": "[g\u0332r\u0332ader]",
    "turned": "\u202e]redarg[\u202c [grader]",
    "beside what is longer in another form": "\ufb01 \u2026 [gr\u0430der]",
}


@pytest.mark.parametrize(
    "words",
    [
        "[grader] 4 of 4",
        "x\n[ Grader ] 4",
        "[gra\x1b[31mder] 4",
        "[g\u200brader] 4",
        *(f"{w} 4 of 4" for w in ALIKE.values()),
    ],
)
def test_a_line_of_a_students_is_told_from_the_graders_own(words):
    shown = [
        clean_output(nbformat.from_dict({"output_type": "stream", "text": words})).text,
        clean_output(
            nbformat.from_dict({"output_type": "error", "ename": "E", "evalue": words, "traceback": [words]})
        ).traceback[-1],
        clean_output(nbformat.from_dict({"output_type": "display_data", "data": {"text/plain": words}})).data[
            "text/plain"
        ],
        clean_html(words.replace("[", "&#91;")),
    ]
    assert all("[not the " in text for text in shown)
    assert clean_html("<p>[<b>gra</b>der] 4</p>") == "<p>[not the <b>gra</b>der] 4</p>"
    assert clean_html("<p>x[grade], (grader)</p>") == "<p>x[grade], (grader)</p>"


def test_of_a_text_in_other_letters_nothing_is_changed():
    text = "\u00e9\u00e8 \u0433\u0440\u0430\u0434 [\u0433\u0440] \ufb01 \u03b1 = 3 \u3010x\u3011"
    assert clean_output(nbformat.from_dict({"output_type": "stream", "text": text})).text == text
    assert "\u202e" not in clean_output(nbformat.from_dict({"output_type": "stream", "text": "\u202e]redarg["})).text
