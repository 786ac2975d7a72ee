// What a reader moves. Each has a label, works from the keyboard, and says its value.

// On a slider of powers the reader moves the exponent of ten; a range counts its steps
// from its lower end, so let that end, too, be a whole number of steps. On one with
// stops there are these numbers and no others.
function slider(figure, label, { from, to, step, value, digits = 1, powers, stops }) {
  const id = figure.newId();
  let [there, back] = [Number, Number];
  if (powers) [there, back] = [Math.log10, (x) => 10 ** x];
  if (stops) [there, back] = [(x) => stops.indexOf(x), (place) => stops[place]];
  const ends = stops
    ? { min: 0, max: stops.length - 1, step: 1 }
    : { min: there(from), max: there(to), step };
  const input = make("input", { type: "range", id, ...ends });
  const said = make("span", { class: "aw-value", "aria-hidden": "true" });
  const control = {
    element: make(
      "div", { class: "aw-slider" }, make("label", { for: id }, label), input, said,
    ),
    get value() {
      return back(Number(input.value));
    },
    set value(number) {
      input.value = there(number);
      control.say();
    },
    say() {
      const text = stops ? count(control.value) : shown(control.value, digits);
      input.setAttribute("aria-valuetext", text);
      said.textContent = text;
    },
  };
  control.value = value;
  input.addEventListener("input", () => {
    control.say();
    figure.changed();
  });
  return control;
}

// One of a few, by radio buttons; options are texts, and the value is one of them.
function choice(figure, label, options, value) {
  const name = figure.newId();
  const box = make("fieldset", { class: "aw-choice" }, make("legend", {}, label));
  const inputs = options.map((option) => {
    const input = make("input", { type: "radio", name, value: option });
    input.checked = option === value;
    input.addEventListener("change", () => figure.changed());
    box.append(make("label", {}, input, option));
    return input;
  });
  return {
    element: box,
    get value() {
      return inputs.find((input) => input.checked).value;
    },
  };
}

// Yes or no.
function tick(figure, label, value = false) {
  const input = make("input", { type: "checkbox" });
  input.checked = value;
  input.addEventListener("change", () => figure.changed());
  return {
    element: make("label", { class: "aw-tick" }, input, label),
    get value() {
      return input.checked;
    },
  };
}

function button(label, press) {
  const element = make("button", { type: "button" }, label);
  element.addEventListener("click", press);
  return { element };
}

// The pointer in a drawing: `move` gets its place, in the drawing's own units, while it
// is down. A mouse may begin anywhere; a finger, which also scrolls, on the grip, which the
// function that is given puts in its place. The grip stays the same element, for a touch
// ends with what it began on. Whoever cannot drag has sliders for the same numbers.
function dragged(svg, move) {
  const grip = draw("circle", { r: 22, class: "aw-grip" });
  const at = (event) => {
    const place = new DOMPoint(event.clientX, event.clientY);
    const { x, y } = place.matrixTransform(svg.getScreenCTM().inverse());
    move(x, y);
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" && event.target !== grip) return;
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    at(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) at(event);
  });
  // Else the page would scroll: parts of a drawing do not heed touch-action.
  const hold = (event) => event.preventDefault();
  grip.addEventListener("touchstart", hold, { passive: false });
  svg.classList.add("aw-drag");
  svg.append(grip);
  return (x, y) => filled(grip, { cx: x, cy: y }, []);
}
