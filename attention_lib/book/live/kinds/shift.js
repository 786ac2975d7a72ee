// Three scores, a shift of all of them, and one more option that takes the rest.
KINDS.shift = (figure) => {
  const { scores, shift, low, high } = figure.state;
  const knobs = scores.map((value, i) =>
    slider(figure, `score ${i + 1}`, { from: -5, to: 5, step: 0.1, value }));
  const all = slider(figure, "shift of all three", {
    from: low, to: high, step: 0.1, value: shift,
  });
  const option = tick(figure, "a null option, of score 0 and no value");
  const weights = table("Weights", ["key", "score", "shifted", "weight"]);
  const curves = picture("", 320, 220);
  const weigh = (row) => (option.value ? softmax1(row) : softmax(row));
  const x = scale([low, high], [34, 300]);
  const y = scale([0, 1], [185, 20]);
  const places = Array.from({ length: 61 }, (_, i) => low + ((high - low) * i) / 60);

  figure.add(knobs[0], knobs[1], knobs[2]);
  figure.add(all, option);
  figure.add(weights, curves);

  return () => {
    const row = knobs.map((knob) => knob.value);
    const at = (c) => weigh(row.map((s) => s + c));
    const now = at(all.value);
    const moved = Math.max(...at(0).map((w, i) => Math.abs(w - now[i])));
    const kept = sum(now);
    weights.fill([
      ...row.map((s, i) =>
        [`${i + 1}`, shown(s, 1), shown(s + all.value, 1), weightCell(now[i], i)]),
      ["null option", option.value ? "0.0" : "\u2013", option.value ? "0.0" : "\u2013",
        option.value ? weightCell(1 - kept, 3) : "\u2013"],
      ["all keys", "", "", shown(kept, 4)],
    ]);
    curves.show(
      `The weights of three keys against the shift, from ${shown(low, 0)} to ` +
        `${shown(high, 0)}: ${option.value ? "they rise from zero" : "three level lines"}.`,
      line([[34, 20], [34, 185], [300, 185]]),
      write(26, 24, "1", { "text-anchor": "end" }),
      write(26, 189, "0", { "text-anchor": "end" }),
      ...[low, 0, high].map((c) => write(x(c), 202, shown(c, 0))),
      write(167, 217, "shift of all three"),
      ...row.map((_, i) =>
        keyLine(places.map((c) => [x(c), y(at(c)[i])]), i)),
      line([[x(all.value), 20], [x(all.value), 185]], { class: "aw-now" }),
      ...row.map((_, i) => keyMark(x(all.value), y(now[i]), i, 4)),
    );
    const by = `A shift of ${shown(all.value, 1)} moves the weights by ` +
      `${shown(moved, 4)} at most`;
    if (!option.value) return `${by}: only differences between scores count.`;
    return `${by}: the null option does not move along. It takes ${percent(1 - kept)}, ` +
      `and leaves the keys ${percent(kept)}.`;
  };
};
