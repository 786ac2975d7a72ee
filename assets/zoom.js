// A figure opens large when it is pressed, or the word below it is. Escape, the button
// or another press closes it, and the keyboard is back where it was.
(function () {
  "use strict";

  const PICTURES = "article :is(figure, .cell_output) img";
  let dialog;

  function made(name, properties, ...inside) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...inside);
    return element;
  }

  function build() {
    const picture = made("img");
    const view = made("div", { className: "zoom-view", tabIndex: 0 }, picture);
    view.setAttribute("role", "group");
    const close = made("button", {
      type: "button",
      className: "zoom-close",
      textContent: "Close",
    });
    dialog = made("dialog", { className: "zoom" }, close, view);
    // A drag that scrolls the picture is no press.
    for (const part of [close, view]) {
      part.addEventListener("click", () => dialog.close());
    }
    document.body.append(dialog);
  }

  function open(picture, button, name) {
    if (!dialog) build();
    const large = dialog.querySelector("img");
    large.src = picture.currentSrc;
    large.alt = picture.alt;
    large.style.setProperty("--wide", picture.naturalWidth);
    large.style.setProperty("--high", picture.naturalHeight);
    dialog.setAttribute("aria-label", name);
    large.parentElement.setAttribute("aria-label", `${name}, enlarged`);
    // Where the dialog gives the focus back to.
    button.focus({ preventScroll: true });
    dialog.showModal();
  }

  function offer(picture) {
    if (picture.closest("a[href]")) return;
    const figure = picture.closest("figure");
    const number = figure && figure.querySelector(".caption-number");
    const name = number ? number.textContent.trim() : "Figure";
    const button = made("button", {
      type: "button",
      className: "zoom-open",
      textContent: "Enlarge",
    });
    button.setAttribute("aria-label", `Enlarge ${name}`);
    const caption = figure && figure.querySelector("figcaption > p:last-of-type");
    if (caption) caption.append(" ", button);
    else picture.after(button);
    picture.classList.add("zoomable");
    for (const part of [picture, button]) {
      part.addEventListener("click", () => open(picture, button, name));
    }
  }

  window.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(PICTURES).forEach(offer);
  });
})();
