// The figures on a page: found, brought to life, and heard when they have changed.

// By its name, what builds a kind of figure. It adds its parts to the figure, and gives
// the function that computes and shows all anew and returns a sentence: what changed.
const KINDS = {};

// How long a reader has stopped before the figure speaks, in milliseconds.
const PAUSE = 500;
let made = 0;

class Figure {
  constructor(element) {
    this.element = element;
    this.state = JSON.parse(element.dataset.state);
    this.body = make("div", { class: "aw-body" });
    this.said = make("p", { class: "aw-said" });
    this.status = make("p", { class: "aw-heard", role: "status" });
    made += 1;
    this.prefix = `aw-${made}`;
    this.ids = 0;
  }

  newId() {
    this.ids += 1;
    return `${this.prefix}-${this.ids}`;
  }

  // Put parts side by side, where there is room, and those of a list below each other.
  add(...parts) {
    const each = (part) => part.element || part.svg;
    const column = (list) => make("div", { class: "aw-column" }, ...list.map(each));
    const row = parts.map((part) => (Array.isArray(part) ? column(part) : each(part)));
    this.body.append(make("div", { class: "aw-row" }, ...row));
  }

  start() {
    this.update = KINDS[this.element.dataset.aw](this);
    this.said.textContent = this.update();
    this.body.append(this.said, this.status);
    this.element.querySelector(".aw-body").replaceWith(this.body);
    this.element.dataset.live = "";
    // JupyterLab takes the arrows, and letters that cut cells, from all but what says so.
    this.element.addEventListener("focusin", (event) => {
      event.target.dataset.lmSuppressShortcuts = "";
    });
  }

  changed() {
    const sentence = this.update();
    this.said.textContent = sentence;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.status.textContent = sentence), PAUSE);
  }
}

// One that fails stays as it was: with the numbers that Python computed.
function start() {
  for (const element of document.querySelectorAll("figure.aw:not([data-live])")) {
    try {
      new Figure(element).start();
    } catch (error) {
      console.error(error);
    }
  }
}
