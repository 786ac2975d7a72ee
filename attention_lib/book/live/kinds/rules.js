// Six rules on one row of three scores, each with its picture in the triangle of all
// weights: where the row is, and where it goes as one score moves.
KINDS.rules = (figure) => {
  const { scores, reach } = figure.state;
  const rules = {
    "softmax": softmax,
    "entmax-1.5": (row) => entmax(row, 1.5),
    "sparsemax": sparsemax,
    "sigmoid / sum": (row) => divideBySum(sigmoid(row)),
    "relu / sum": normalizedRelu,
    "best key only": hardmax,
  };
  const names = Object.keys(rules);
  const range = { from: -reach, to: reach, step: 0.1 };
  const knobs = scores.map((value, i) =>
    slider(figure, `score ${i + 1}`, { ...range, value }));
  const moving = choice(figure, "the lines move score", ["1", "2", "3"], "1");
  const weights = table("Weights", ["rule", "key 1", "key 2", "key 3"]);
  const triangles = picture("", 340, 280, "aw-wide");
  const corners = names.map((_, i) => {
    const [left, top] = [10 + 113 * (i % 3), 22 + 140 * Math.floor(i / 3)];
    return [[left, top + 82], [left + 94, top + 82], [left + 47, top]];
  });
  const steps = Array.from({ length: 81 }, (_, i) => -reach + (reach * i) / 40);

  figure.add(knobs[0], knobs[1], knobs[2]);
  figure.add(moving);
  figure.add(triangles, weights);

  return () => {
    const row = knobs.map((knob) => knob.value);
    const now = names.map((name) => rules[name](row));
    const key = Number(moving.value) - 1;
    // The last rule is in no plot. It jumps, so its way is dotted.
    const style = (i) => STYLES[names[i]] || { ink: 0, dash: "1 7" };
    // A row without weights has no place in a triangle.
    const some = (each) => sum(each) > 0;
    weights.fill(names.map((name, i) =>
      [name, ...now[i].map((w) => shown(w, 4))]));
    triangles.show(
      `Six triangles of the weights of three keys, key 1 at the left, 2 at the right ` +
        `and 3 on top. In each a line shows where the rule leads as score ${key + 1} ` +
        `moves, and a mark where the row is.`,
      ...names.flatMap((name, i) => {
        const place = (each) => average(each, corners[i]);
        const moved = (s) => row.map((z, k) => (k === key ? s : z));
        const path = steps.map((s) => rules[name](moved(s))).filter(some).map(place);
        const { ink, dash } = style(i);
        return [
          draw("polygon", { class: "aw-ground", points: corners[i].join(" ") }),
          line(path, { class: `aw-ink-${ink} aw-stroke`, "stroke-dasharray": dash }),
          ...(some(now[i]) ? [mark(...place(now[i]), "o", 5, { class: "aw-here" })] : []),
          write(corners[i][2][0], corners[i][0][1] + 18, name),
        ];
      }),
    );
    const zeros = names.filter((_, i) => some(now[i]) && now[i].includes(0));
    const none = names.filter((_, i) => !some(now[i]));
    const largest = (i) => shown(Math.max(...now[i]));
    return `The largest weight is ${largest(0)} with softmax and ${largest(2)} with ` +
      `sparsemax. ` +
      `${zeros.length ? `Exact zeros: ${zeros.join(", ")}.` : "No rule has a zero."}` +
      (none.length ? ` No weights at all: ${none.join(", ")}.` : "");
  };
};
