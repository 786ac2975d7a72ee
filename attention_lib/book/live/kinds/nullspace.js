// Weights walk towards others that Python has computed, with the same output: along a
// direction which the values, and the sum of the weights, do not see.
KINDS.nullspace = (figure) => {
  const { values, weights, others } = figure.state;
  const ways = others.map((_, i) => `${i + 1}`);
  const way = choice(figure, "direction", ways, ways[0]);
  const whole = { from: 0, to: 100, step: 1, value: 0, digits: 0 };
  const walked = slider(figure, "walked, in percent", whole);
  const rows = table("Weights", ["key", "at the start", "at the end", "now"]);
  const output = table("Output", ["coordinate", "value"]);
  const plane = picture("", 320, 290);
  const start = average(weights, values);
  const ends = (axis) => {
    const all = values.map((value) => value[axis]);
    return [Math.min(...all), Math.max(...all)];
  };
  const x = scale(ends(0), [45, 275]);
  const y = scale(ends(1), [245, 45]);

  figure.add(way);
  figure.add(walked);
  figure.add(rows, plane);
  figure.add(output);

  return () => {
    const other = others[ways.indexOf(way.value)];
    const part = walked.value / 100;
    const now = weights.map((w, i) => (1 - part) * w + part * other[i]);
    const out = average(now, values);
    const moved = Math.max(...out.map((z, i) => Math.abs(z - start[i])));
    const elsewhere = sum(now.map((w, i) => Math.abs(w - weights[i]))) / 2;
    rows.fill(weights.map((w, i) =>
      [`${i + 1}`, shown(w, 4), shown(other[i], 4), weightCell(now[i], i)]));
    output.fill(["first", "second"].flatMap((name, i) => [
      [`${name}, at the start`, shown(start[i], 12)],
      [`${name}, now`, shown(out[i], 12)],
    ]));
    plane.show(
      `${values.length} values in a plane, as large as their weights, and among them the ` +
        `output, at ${out.map((z) => shown(z)).join(", ")}.`,
      draw("rect", { x: 1, y: 1, width: 318, height: 288, class: "aw-frame" }),
      ...values.flatMap(([left, height], i) => [
        draw("circle", {
          cx: x(left), cy: y(height), r: (50 * Math.sqrt(Math.max(now[i], 0))).toFixed(2),
          class: `aw-ink-${i % 4} aw-solid`, "fill-opacity": 0.55,
        }),
        write(x(left), y(height) + 5, `${i + 1}`),
      ]),
      mark(x(out[0]), y(out[1]), "D", 6, { class: "aw-here" }),
      write(x(out[0]), y(out[1]) - 12, "output"),
    );
    const most = now.indexOf(Math.max(...now)) + 1;
    return `${percent(elsewhere)} of the weight lies elsewhere now, and key ${most} ` +
      `has the most; the output has moved by ` +
      (moved < 1e-12 ? "less than 10\u207b\u00b9\u00b2." : `${shown(moved, 12)}.`);
  };
};
