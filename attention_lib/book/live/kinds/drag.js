// A query among keys, dragged or moved by two sliders; the output among the values.
KINDS.drag = (figure) => {
  const { keys, values, query, sharpness, reach, frame } = figure.state;
  const rules = {
    "softmax": softmax, "score / sum": divideBySum, "best key only": hardmax,
  };
  const range = { from: -reach, to: reach, step: 0.05, digits: 2 };
  const across = slider(figure, "query, across", { ...range, value: query[0] });
  const up = slider(figure, "query, up", { ...range, value: query[1] });
  const rule = choice(figure, "rule", Object.keys(rules), "softmax");
  const weights = table("Weights", ["key", "score", "weight"]);
  const output = table("Output", ["coordinate", "of the output"]);
  const asked = picture("", 300, 300);
  const found = picture("", 300, 300);

  const x = scale([-reach, reach], [20, 280]);
  const y = scale([-reach, reach], [280, 20]);
  const back = [scale([20, 280], [-reach, reach]), scale([280, 20], [-reach, reach])];
  const inside = (z) => Math.min(Math.max(z, 8), 292);
  const right = scale(frame, [20, 280]);
  const top = scale(frame, [280, 20]);

  const grip = dragged(asked.svg, (left, height) => {
    across.value = back[0](left);
    up.value = back[1](height);
    figure.changed();
  });
  const edge = { x: 1, y: 1, width: 298, height: 298, class: "aw-frame" };
  const label = (name, [left, height], i) =>
    write(left, height, `${name} ${i + 1}`, { class: "aw-name" });

  figure.add(rule);
  figure.add(across, up);
  figure.add(asked, found);
  figure.add(weights, output);

  return () => {
    const q = [across.value, up.value];
    const scores = keys.map((key) => sharpness * dot(key, q));
    const now = rules[rule.value](scores);
    const out = average(now, values);
    weights.fill(scores.map((s, i) => [`${i + 1}`, shown(s), weightCell(now[i], i)]));
    output.fill([["first", shown(out[0], 4)], ["second", shown(out[1], 4)]]);

    const [left, height] = [x(q[0]), y(q[1])];
    asked.show(
      `A query and three keys in a plane. The query is at ` +
        `${q.map((z) => shown(z)).join(", ")}.`,
      draw("rect", edge),
      ...keys.flatMap((key, i) => [
        keyLine([[150, 150], [x(key[0]), y(key[1])]], i),
        keyMark(x(key[0]), y(key[1]), i),
        label("key", [x(1.3 * key[0]), y(1.3 * key[1]) + 4], i),
      ]),
      line([[150, 150], [left, height]]),
      write(left, height - 18, "query"),
      mark(left, height, "o", 8, { class: "aw-here" }),
    );
    grip(left, height);

    const none = Number.isNaN(out[0]);
    const where = out.map((z) => shown(z)).join(", ");
    const spots = values.map((value) => [right(value[0]), top(value[1])]);
    const spot = [inside(right(out[0])), inside(top(out[1]))];
    const beyond = out.some((z) => z < frame[0] || z > frame[1]);
    const named = [
      Math.min(Math.max(spot[0], 50), 250),
      spot[1] > 260 ? spot[1] - 12 : spot[1] + 22,
      beyond ? "output, beyond" : "output",
    ];
    found.show(
      `Three values, the corners of a triangle, and the output, at ${where}.`,
      draw("rect", edge),
      draw("polygon", { class: "aw-ground", points: spots.join(" ") }),
      ...spots.flatMap(([a, b], i) => [
        keyMark(a, b, i),
        label("value", [a, b + (b > 150 ? 22 : -12)], i),
      ]),
      ...(none ? [] : [mark(...spot, "D", 5, { class: "aw-here" }), write(...named)]),
    );

    if (none) return "The three scores sum to zero: there are no weights, and no output.";
    const heaviest = now.indexOf(largest(now));
    const within = now.every((w) => w >= 0);
    return `With ${rule.value} key ${heaviest + 1} has the largest weight, ` +
      `${shown(now[heaviest])}, and the output is at ${where}, ` +
      (within ? "in the triangle of the values."
        : "out of the triangle: a weight is negative.");
  };
};
