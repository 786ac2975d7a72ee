// One word of a sentence asks, and lines lead to the words that it reads.
KINDS.reads = (figure) => {
  const { words, weights, asks } = figure.state;
  const word = choice(figure, "the word that asks", words, words[asks]);
  const row = table("What it reads", ["word", "weight"]);
  const map = picture("", 320, 190, "aw-wide");
  const lengths = words.map((each) => each.length + 1.5);
  const all = sum(lengths);
  // The middle of each word on a line that holds them all.
  const place = (i) => 5 + (310 * (sum(lengths.slice(0, i)) + lengths[i] / 2)) / all;

  figure.add(word);
  figure.add(row, map);

  return () => {
    const query = words.indexOf(word.value);
    const now = weights[query];
    const best = now.indexOf(largest(now));
    row.fill(words.map((each, i) => [each, { ...weightCell(now[i], i), ink: 0 }]));
    map.show(
      `The sentence above and below. From ${words[query]}, above, lines lead to the ` +
        `words below, as thick as their weights; the thickest leads to ${words[best]}.`,
      ...now.map((w, key) =>
        line([[place(query), 34], [place(key), 152]], {
          class: "aw-ink-0 aw-stroke",
          style: `stroke-width: ${(12 * w).toFixed(2)}; stroke-opacity: 0.7`,
        })),
      ...words.map((each, i) =>
        write(place(i), 24, each, { class: i === query ? "aw-chosen" : "aw-faint" })),
      ...words.map((each, i) =>
        write(place(i), 172, each, { class: i === best ? "aw-chosen" : "" })),
    );
    const itself = best === query ? "itself" : `\u201c${words[best]}\u201d`;
    return `\u201c${words[query]}\u201d reads ${itself} most: ${percent(now[best])} of ` +
      `its attention; ${percent(now[query])} stays with itself.`;
  };
};
