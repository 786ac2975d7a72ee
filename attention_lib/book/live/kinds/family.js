// Three scores and one number that makes their weights sharper or flatter: the
// temperature of softmax, or alpha, which leads from power laws to sparsemax.
KINDS.family = (figure) => {
  const { scores, by, low, high, value } = figure.state;
  const weigh = { temperature: softmax, alpha: entmax }[by];
  const powers = by === "temperature";
  const step = powers ? 0.01 : 0.05;
  const knob = slider(figure, by, { from: low, to: high, step, value, digits: 2, powers });
  const weights = table("Weights", ["key", "score", "weight"]);
  const measures = table("How spread out they are", ["measure", "value"]);
  const triangle = picture("", 320, 290);
  const started = weigh(scores, value);

  const corners = [[40, 250], [280, 250], [160, 42]];
  const place = (row) => average(row, corners);
  const ends = [low, high].map(powers ? Math.log : Number);
  const at = scale([0, 60], ends);
  const path = Array.from({ length: 61 }, (_, i) => (powers ? Math.exp(at(i)) : at(i)));
  const names = [[40, 274], [280, 274], [160, 24]];

  figure.add(knob);
  figure.add([weights, measures], triangle);

  return () => {
    const now = weigh(scores, knob.value);
    const [x, y] = place(now);
    weights.fill(scores.map((s, i) =>
      [`${i + 1}`, shown(s, 1), weightCell(now[i], i)]));
    measures.fill([
      ["largest weight", shown(largest(now), 4)],
      ["entropy, nats", shown(entropy(now), 4)],
      ["effective support, keys", shown(effectiveSupport(now), 4)],
    ]);
    triangle.show(
      `All weights of three keys are a triangle, with a corner for each key. The weights ` +
        `now are ${now.map((w) => shown(w)).join(", ")}; a line shows where ${by} ` +
        `leads them.`,
      draw("polygon", { class: "aw-ground", points: corners.join(" ") }),
      ...names.map(([left, top], i) =>
        write(left, top, `all on key ${i + 1}`, { class: `aw-ink-${i}` })),
      line(path.map((each) => place(weigh(scores, each))), { class: "aw-path" }),
      mark(x, y, "o", 6, { class: "aw-here" }),
    );
    const key = now.indexOf(largest(now));
    return `At ${by} ${shown(knob.value)} key ${key + 1} has ${percent(now[key])} of the ` +
      `weight (${percent(started[key])} at the start), and the weights are as spread out ` +
      `as ${shown(effectiveSupport(now))} equal ones.`;
  };
};
