"""One person's browser: JupyterLab and nbgrader's pages, by what a person clicks; notes every request that leaves the machine."""

from __future__ import annotations

import pathlib
import re
from typing import Any

from playwright.sync_api import Browser, Frame, Locator, Page, TimeoutError

#: Milliseconds; generous, because servers start while others work.
PATIENCE = 180_000
#: Milliseconds between two looks; playwright itself looks at each of sixty frames a second, which the browser has to draw for it.
PAUSE = 200
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:", "chrome-extension:")


class Person:
    """A user with a browser of their own.

    Parameters
    ----------
    browser : Browser
        Chromium.
    address : str
        The hub's.
    name, password : str
        To log in.
    pictures : Path
        Where screenshots go.
    """

    def __init__(self, browser: Browser, address: str, name: str, password: str, pictures: pathlib.Path) -> None:
        self.address, self.name, self.password, self.pictures = address, name, password, pictures
        self.context = browser.new_context(viewport={"width": 1400, "height": 950})
        self.context.set_default_timeout(PATIENCE)
        #: Requests that went elsewhere.
        self.strayed: list[str] = []
        self.context.on("request", self._note)
        self.page: Page = self.context.new_page()
        # On a crowded machine JupyterLab may ask which kernel to take; a person takes the one that it offers.
        which = self.page.locator('.jp-Dialog:has-text("Select Kernel") .jp-mod-accept')
        self.page.add_locator_handler(which, lambda button: button.click())
        self._count = 0

    def _note(self, request: Any) -> None:
        if not request.url.startswith(LOCAL):
            self.strayed.append(request.url)

    def picture(self, what: str, page: Page | None = None) -> None:
        """Keep a screenshot."""
        self._count += 1
        who = self.name.split("-")[-1]
        (page or self.page).screenshot(
            path=self.pictures / f"{who}-{self._count:02d}-{re.sub('[^a-z0-9]+', '-', what.lower())}.png"
        )

    def close(self) -> None:
        """Close the browser's window."""
        self.context.close()

    # -------------------------------------------------------------------------------------- JupyterLab
    def log_in(self, to: str = "") -> None:
        """Log in, at the front page or where one is sent on to an address of the hub, and wait for JupyterLab."""
        self.page.goto(self.address + to)
        self.page.fill("#username_input", self.name)
        self.page.fill("#password_input", self.password)
        self.page.click("#login_submit")
        self.page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab")

    def lab(self, path: str = "") -> None:
        """Open JupyterLab anew, with a file where a path is given."""
        self.page.goto(f"{self.address}user/{self.name}/lab{'/tree/' + path if path else ''}?reset")
        self.page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab")

    def open_notebook(self, path: str) -> None:
        """Open a notebook and wait for its kernel."""
        self.lab(path)
        self.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell >> nth=0")

    def cell(self, index: int) -> Locator:
        """Return a cell of the open notebook."""
        return self.page.locator(
            f'.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]'
        )

    def write(self, index: int, text: str) -> None:
        """Replace a cell's text."""
        cell = self.cell(index)
        cell.scroll_into_view_if_needed()
        if "jp-MarkdownCell" in (cell.get_attribute("class") or ""):
            cell.locator(".jp-MarkdownOutput").dblclick()
        editor = cell.locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def run_cell(self, index: int) -> None:
        """Run one cell and wait until it has run."""
        cell = self.cell(index)
        cell.locator(".jp-InputArea-prompt").first.click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(_PROMPT_DONE, arg=index, polling=PAUSE)

    def menu(self, menu: str, command: str) -> None:
        """Choose a command of the menu bar."""
        self.page.click(f'#jp-menu-panel div.lm-MenuBar-itemLabel:text-is("{menu}")')
        self.page.click(f'.lm-Menu li[data-command="{command}"]')

    def run_all(self) -> None:
        """Run the whole notebook and wait until no cell is busy."""
        for _ in range(3):
            self.menu("Run", "runmenu:run-all")
            try:
                self.page.wait_for_function(_BEGUN, timeout=30_000, polling=PAUSE)
                break
            except TimeoutError:
                # A kernel that is still connecting drops what it is asked to run, and the cells wait for ever; a person presses again.
                continue
        self.page.wait_for_function(_ALL_DONE, polling=PAUSE)
        self.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')

    def errors(self) -> list[str]:
        """Return the errors and warnings that the open notebook shows: JupyterLab draws both as what went to stderr."""
        return self.page.locator(
            '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'
        ).all_inner_texts()

    def save(self) -> None:
        """Save the open notebook."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+S")
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.page.wait_for_function(
            "() => !document.querySelector('.lm-TabBar-tab.jp-mod-current.jp-mod-dirty')", polling=PAUSE
        )

    def validate(self) -> str:
        """Press Validate; return what the dialog says."""
        self.page.click(".validate-button")
        text = self.page.locator(".jp-Dialog .jp-Dialog-content")
        text.get_by_text(re.compile("Success|failed|Errors|raised|not ", re.IGNORECASE)).first.wait_for()
        said = text.inner_text()
        self.picture("validate")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        return said

    # -------------------------------------------------------------------------------------- assignment list
    def assignments(self, anew: bool = True) -> None:
        """Open the assignment list, in a JupyterLab that is loaded anew or in the one that is there."""
        if anew:
            self.lab()
        self.menu("Nbgrader", "nbgrader:open-assignment-list")
        self.page.wait_for_selector("#released_assignments_list")

    def fetch(self, assignment: str) -> None:
        """Fetch an assignment."""
        row = self.page.locator("#released_assignments_list > .list_item", has_text=assignment)
        row.locator("button", has_text="Fetch").click()
        self.page.locator("#fetched_assignments_list > .list_item", has_text=assignment).wait_for()

    def submit(self, assignment: str) -> None:
        """Hand an assignment in."""
        row = self.page.locator("#fetched_assignments_list > .list_item", has_text=assignment)
        row.locator("button", has_text="Submit").first.click()
        self.page.locator("#submitted_assignments_list > .list_item", has_text=assignment).first.wait_for()

    # -------------------------------------------------------------------------------------- formgrader
    def open_formgrader(self, course: str) -> tuple[Page, Frame]:
        """Go from the course list to the formgrader; return its page and its frame."""
        self.menu("Nbgrader", "nbgrader:open-course-list")
        link = self.page.locator("#formgrader_list a", has_text=course)
        link.wait_for()
        self.picture("course list")
        with self.context.expect_page() as opened:
            link.click()
        page = opened.value
        page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab")
        handle = page.wait_for_selector('iframe[src*="formgrader"]')
        frame = handle.content_frame() if handle else None
        assert frame is not None
        return page, frame


_PROMPT_DONE = """(index) => {
  const cell = document.querySelector(`.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell[data-windowed-list-index="${index}"]`);
  const prompt = cell && cell.querySelector('.jp-InputPrompt');
  return prompt && /\\[\\d+\\]/.test(prompt.textContent);
}"""
_BEGUN = """() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-CodeCell .jp-InputPrompt')]
  .some(p => /\\[\\d+\\]/.test(p.textContent))"""
_ALL_DONE = """() => {
  const prompts = [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-CodeCell .jp-InputPrompt')].map(p => p.textContent);
  return prompts.some(t => /\\[\\d+\\]/.test(t)) && !prompts.some(t => t.includes('*'));
}"""
