// The worked example with other scores: exponentials, their sum, weights, and how spread
// out they are, at a temperature and in a row that grows.
KINDS.worked = (figure) => {
  const { scores, temperature, stops } = figure.state;
  const knobs = scores.map((value, i) =>
    slider(figure, `score ${i + 1}`, { from: -5, to: 5, step: 0.1, value }));
  const heat = slider(figure, "temperature", {
    from: 0.1, to: 100, step: 0.01, value: temperature, digits: 2, powers: true,
  });
  const zeros = slider(figure, "keys of score 0 added", { stops, value: stops[0] });
  const columns = ["key", "score", "exponential", "weight"];
  const weights = table("From scores to weights", columns);
  const measures = table("How focused it is", ["measure", "value"]);
  const curves = picture("", 320, 200, "aw-wide");
  const x = scale([0, stops.length - 1], [34, 290]);
  const y = scale([0, 1], [155, 16]);
  // An exponential may have many digits before the point.
  const long = (x) => (x < 1e6 ? shown(x, 4) : x.toExponential(4));

  figure.add(knobs[0], knobs[1], knobs[2]);
  figure.add(heat, zeros);
  figure.add(weights, measures);
  figure.add(curves);

  return () => {
    const added = zeros.value;
    const row = [...knobs.map((knob) => knob.value), ...Array(added).fill(0)];
    const now = softmax(row, heat.value);
    const positive = row.map((s) => Math.exp(s / heat.value));
    const others = [
      "each added",
      added ? "0.0" : "\u2013", added ? "1.0000" : "\u2013",
      added ? weightCell(now[3], 3) : "\u2013",
    ];
    weights.fill([
      ...knobs.map((knob, i) =>
        [`${i + 1}`, shown(row[i], 1), long(positive[i]), weightCell(now[i], i)]),
      others,
      ["sum", "", long(sum(positive)), shown(sum(now), 4)],
    ]);
    measures.fill([
      ["keys", count(row.length)],
      ["largest weight", shown(largest(now), 4)],
      ["entropy, nats", shown(entropy(now), 4)],
      ["effective support, keys", shown(effectiveSupport(now), 4)],
    ]);
    // Each key's weight, with any number of keys added: the others add one each.
    const three = sum(positive.slice(0, 3));
    const curve = (key) =>
      stops.map((more, i) => [x(i), y(positive[key] / (three + more))]);
    const here = x(stops.indexOf(added));
    curves.show(
      `The weights of the three keys fall as keys of score 0 are added, ` +
        `from ${stops[0]} to ${count(stops.at(-1))}.`,
      line([[34, 16], [34, 155], [290, 155]]),
      write(28, 20, "1", { "text-anchor": "end" }),
      write(28, 159, "0", { "text-anchor": "end" }),
      ...stops.flatMap((more, i) => (i % 7 ? [] : [write(x(i), 172, count(more))])),
      write(162, 192, "keys of score 0 added"),
      line([[here, 16], [here, 155]], { class: "aw-now" }),
      ...knobs.map((_, i) => keyLine(curve(i), i)),
      ...knobs.map((_, i) => keyMark(here, y(now[i]), i, 4)),
    );
    const best = now.indexOf(largest(now));
    const name = best < 3 ? `key ${best + 1}` : "each added key";
    return `At temperature ${shown(heat.value)}, among ${count(row.length)} keys, ` +
      `${name} has the largest weight, ${percent(now[best])}; the three have ` +
      `${percent(sum(now.slice(0, 3)))} together, and the row is as spread out as ` +
      `${shown(effectiveSupport(now))} equal weights.`;
  };
};
