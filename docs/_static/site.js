// What the pages need beyond the theme, for keyboards and screen readers.
window.addEventListener("load", async () => {
  // The theme's buttons that open a part of the contents are arrows without a word.
  for (const summary of document.querySelectorAll("summary")) {
    if (!summary.textContent.trim()) summary.setAttribute("aria-label", "Show or hide the pages below");
  }
  // So does a wide figure on a narrow screen.
  for (const figure of document.querySelectorAll("img.course-figure.wide")) {
    if (figure.parentElement.scrollWidth > figure.parentElement.clientWidth) figure.parentElement.tabIndex = 0;
  }
  // A wide formula scrolls on a narrow screen: with the keyboard too.
  if (window.MathJax && window.MathJax.startup) {
    await window.MathJax.startup.promise;
    for (const formula of document.querySelectorAll('mjx-container[display="true"]')) formula.tabIndex = 0;
  }
});
