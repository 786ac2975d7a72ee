// One key leads all others, which tie: its weight as a depth of colour, by the lead and
// the number of keys, and the line on which it has half of all weight.
KINDS.heat = (figure) => {
  const { lead, keys, stops, top } = figure.state;
  const ahead = slider(figure, "lead", { from: 0, to: top, step: 0.1, value: lead });
  const length = slider(figure, "number of keys", { stops, value: keys });
  const leading = table("The leading key", ["quantity", "value"]);
  const map = picture("", 340, 270, "aw-wide");
  // The others together are one score, higher by the logarithm of their number.
  const weigh = (up, n) => softmax([up, Math.log(n - 1)])[0];
  const last = stops.length - 1;
  const x = scale([0, last], [50, 320]);
  const y = scale([0, top], [220, 15]);

  const rows = 24;
  const [wide, high] = [270 / last, 205 / rows];
  const cells = stops.flatMap((n, i) =>
    Array.from({ length: rows }, (_, j) => {
      const up = ((j + 0.5) * top) / rows;
      const left = Math.max(x(i) - wide / 2, 50);
      return draw("rect", {
        x: left, y: y(up) - high / 2, height: high,
        width: Math.min(x(i) + wide / 2, 320) - left, "shape-rendering": "crispEdges",
        class: "aw-ink-0 aw-solid", "fill-opacity": (0.6 * weigh(up, n)).toFixed(3),
      });
    }));
  const half = line(stops.map((n, i) => [x(i), y(Math.log(n - 1))]));

  const grip = dragged(map.svg, (left, height) => {
    const place = scale([50, 320], [0, last])(left);
    length.value = stops[Math.min(Math.max(Math.round(place), 0), last)];
    ahead.value = scale([220, 15], [0, top])(height);
    figure.changed();
  });

  figure.add(ahead, length);
  figure.add(map, leading);

  return () => {
    const [up, n] = [ahead.value, length.value];
    const weight = weigh(up, n);
    const needed = Math.log(n - 1);
    const [left, height] = [x(stops.indexOf(n)), y(up)];
    leading.fill([
      ["its weight", weightCell(weight, 0)],
      ["all others together", shown(1 - weight, 4)],
      ["lead for a half", shown(needed, 4)],
      ["lead for nine tenths", shown(needed + Math.log(9), 4)],
    ]);
    map.show(
      `The weight of one key, by its lead from 0 to ${top} and the number of keys ` +
        `from ${stops[0]} to ${count(stops[last])}: deep above a rising line, on which ` +
        `it is a half, and pale below. The mark is at a lead of ${shown(up, 1)} and ` +
        `${count(n)} keys.`,
      ...cells,
      line([[50, 15], [50, 220], [320, 220]]),
      half,
      ...[0, 4, 8, 12, 16].map((each) =>
        write(42, y(each) + 4, each, { "text-anchor": "end" })),
      ...stops.flatMap((each, i) => (i % 5 ? [] : [write(x(i), 238, count(each))])),
      write(185, 258, "number of keys"),
      write(0, 0, "lead", { transform: "translate(14 118) rotate(-90)" }),
      write(250, y(Math.log(stops[14] - 1)) + 26, "half"),
      mark(left, height, "D", 6, { class: "aw-here" }),
    );
    grip(left, height);
    return `With a lead of ${shown(up, 1)} among ${count(n)} keys it has ` +
      `${percent(weight)} of the weight; half takes a lead of ${shown(needed)}, ` +
      `the logarithm of ${count(n - 1)}.`;
  };
};
