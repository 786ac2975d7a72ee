// Two halves of a row leave a state each, and the states merge: the one with the lower
// maximum shrinks to the measure of the other, and then both are added.
KINDS.halves = (figure) => {
  const { scores, values } = figure.state;
  const half = scores.length / 2;
  const knobs = scores.map((value, i) =>
    slider(figure, `score ${i + 1}`, { from: -4, to: 4, step: 0.1, value }));
  const way = slider(figure, "merged, in percent", {
    from: 0, to: 100, step: 1, value: 0, digits: 0,
  });
  const states = table("States", ["state", "keys 1 and 2", "keys 3 and 4", "all four"]);
  const bars = picture("", 340, 210, "aw-wide");
  const names = ["keys 1 and 2", "keys 3 and 4"];

  // Merging takes a second, or no time for those who want no motion.
  const play = button("Merge", () => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const first = way.value === 100 ? 0 : way.value;
    const begun = performance.now();
    const step = (time) => {
      const part = still ? 1 : Math.min(Math.max((time - begun) / 1500, 0), 1);
      way.value = first + (100 - first) * part;
      figure.changed();
      if (part < 1) requestAnimationFrame(step);
    };
    step(begun);
  });

  figure.add([knobs[0], knobs[1]], [knobs[2], knobs[3]]);
  figure.add(way, play);
  figure.add(bars);
  figure.add(states);

  return () => {
    const row = knobs.map((knob) => knob.value);
    const parts = [0, half].map((start) =>
      stateOf(row.slice(start, start + half), values.slice(start, start + half)));
    const whole = merged(...parts);
    const shrink = Math.min(way.value / 50, 1);
    const join = Math.max(way.value / 50 - 1, 0);
    const now = parts.map((part) =>
      rescaled(part, part.max + (whole.max - part.max) * shrink));
    const all = [...now, join === 1 ? whole : { max: NaN, total: NaN, out: NaN }];
    states.fill([
      ["maximum", ...all.map(({ max }) => shown(max))],
      ["total", ...all.map(({ total }) => shown(total, 4))],
      ["out", ...all.map(({ out }) => shown(out, 4))],
      ["out / total", ...all.map(({ out, total }) => shown(out / total, 4))],
    ]);

    const unit = 40;
    const floor = 180;
    // Each state is a pile of exponentials, measured by its maximum now; at last the
    // second stands on the first.
    const lift = now[0].total * unit * join;
    const left = [100, 240 - 140 * join];
    const pile = (i) => {
      let height = floor - (i === 1 ? lift : 0);
      return [0, 1].map((k) => {
        const key = i * half + k;
        const tall = Math.exp(row[key] - now[i].max) * unit;
        height -= tall;
        const box = { x: left[i] - 30, y: height, width: 60, height: tall };
        const name = tall < 12 ? "" : `key ${key + 1}`;
        return draw("g", {},
          draw("rect", { ...box, class: `aw-ink-${key} aw-solid aw-edge` }),
          write(left[i] + 36, height + tall / 2 + 4, name, { "text-anchor": "start" }));
      });
    };
    bars.show(
      `Two piles of two exponentials each, of heights ${shown(now[0].total)} and ` +
        `${shown(now[1].total)}${join === 1 ? ", one on the other" : ""}.`,
      line([[40, floor], [300, floor]]),
      ...pile(0),
      ...pile(1),
      ...(join > 0 ? ["all four"] : names).map((name, i) => write(left[i], 198, name)),
    );
    const out = shown(whole.out / whole.total, 4);
    if (join === 1) {
      return `Merged: the total is ${shown(whole.total, 4)}, and the output ${out}, ` +
        "as from the whole row.";
    }
    if (shrink < 1) {
      return "Each total is measured by a maximum of its own. Merged, the states will " +
        `give ${out}.`;
    }
    return `Both states are measured by the larger maximum, ${shown(whole.max)}, and can ` +
      "be added; out / total of each is what it was.";
  };
};
