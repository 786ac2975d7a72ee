// What a style sheet cannot do: let the keyboard reach what scrolls, print what is folded
// away, and follow an old link to a part that has moved.
(function () {
  "use strict";

  const SCROLLERS = "pre, .math mjx-container, .cell_output, .cell_output > .output";

  function mark(box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  // A box changes its width with the window, when it is unfolded, and for as long as the
  // sidebar takes to come or go.
  const widths = new ResizeObserver((changes) => changes.forEach((each) => mark(each.target)));

  function whenReady() {
    const formulas = window.MathJax && MathJax.startup && MathJax.startup.promise;
    Promise.resolve(formulas).then(() => {
      for (const box of document.querySelectorAll(SCROLLERS)) widths.observe(box);
    });
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

  // The page lists what it once had (tools/site/anchors.py).
  function followWhatMoved() {
    const anchor = location.hash.slice(1);
    const list = document.getElementById("moved");
    if (!list || document.getElementById(anchor)) return;
    const place = new Map(Object.entries(JSON.parse(list.text))).get(anchor);
    if (place) location.replace(place);
  }

  window.addEventListener("load", whenReady);
  window.addEventListener("DOMContentLoaded", followWhatMoved);
  window.addEventListener("hashchange", followWhatMoved);
})();
