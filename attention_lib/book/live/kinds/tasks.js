// The saved results of one trained task, the best rule first; numbers come as text.
KINDS.tasks = (figure) => {
  const { tasks, rows } = figure.state;
  const names = tasks.map((task) => task.name);
  const groups = {
    "all": () => true,
    "sum to one": (row) => row.sums,
    "do not": (row) => !row.sums,
  };
  const task = choice(figure, "task", names, names[0]);
  const group = choice(figure, "rules whose weights", Object.keys(groups), "all");
  const results = table("Results", ["rule", "mean", "range", "limit"]);

  figure.add(task);
  figure.add(group);
  figure.add(results);

  return () => {
    const place = names.indexOf(task.value);
    const { says, more } = tasks[place];
    const kept = rows.filter(groups[group.value])
      .map((row) => ({ map: row.map, ...row.cells[place] }));
    const run = kept.filter((each) => each.ends);
    run.sort((a, b) => (more ? b.at - a.at : a.at - b.at));
    const rest = kept.filter((each) => !each.ends);
    results.fill([
      ...run.map((each) => [each.map, each.mean, each.range, each.limit]),
      ...rest.map((each) => [each.map, "not run", "", ""]),
    ]);
    if (!run.length) return "None of these rules was run in this task.";
    const [first, ...others] = run;
    const level = others.filter(({ ends }) =>
      ends[0] <= first.ends[1] && ends[1] >= first.ends[0]).map((each) => each.map);
    const met = `; its range meets that of ${level.join(", ")}. `;
    return `${first.map} is first, at ${first.mean}` +
      (level.length ? met : ", apart from all others. ") +
      `Measured: ${says}.`;
  };
};
