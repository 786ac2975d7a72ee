// What a style sheet cannot do: let the keyboard reach what scrolls, and print what is
// folded away.
(function () {
  "use strict";

  const SCROLLERS = "pre, .math mjx-container, .cell_output, .cell_output > .output";

  function markScrollers() {
    for (const box of document.querySelectorAll(SCROLLERS)) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  function whenReady() {
    const formulas = window.MathJax && MathJax.startup && MathJax.startup.promise;
    Promise.resolve(formulas).then(markScrollers);
    window.addEventListener("resize", markScrollers);
    // What was folded had no size.
    document.addEventListener("toggle", markScrollers, true);
  }

  // Paper is white, and cannot be unfolded.
  let opened = [];
  let theme;
  window.addEventListener("beforeprint", () => {
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const box of opened) box.open = true;
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.dataset.theme = theme;
    for (const box of opened) box.open = false;
    opened = [];
  });

  window.addEventListener("load", whenReady);
})();
