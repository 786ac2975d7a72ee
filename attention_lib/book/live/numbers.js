// What the live figures compute. attention_lib has the definitions: its tests run this
// file on random rows, ties, and huge and equal scores, and want the same numbers.

// Not Math.max(...row): a row may be longer than what a function takes.
const largest = (row) => row.reduce((most, x) => Math.max(most, x), -Infinity);
const sum = (row) => row.reduce((total, x) => total + x, 0);
const dot = (a, b) => sum(a.map((x, i) => x * b[i]));

// Weights times values; a value is a number or a list of numbers.
function average(weights, values) {
  if (!Array.isArray(values[0])) return dot(weights, values);
  return values[0].map((_, axis) => dot(weights, values.map((value) => value[axis])));
}

function softmax(scores, temperature = 1) {
  const highest = largest(scores);
  const positive = scores.map((s) => Math.exp((s - highest) / temperature));
  const total = sum(positive);
  return positive.map((p) => p / total);
}

// One key more, which has a score and no value, and may take the rest.
const softmax1 = (scores, offset = 0) => softmax([...scores, offset]).slice(0, -1);

const scalableSoftmax = (scores) => softmax(scores.map((s) => s * Math.log(scores.length)));

function sparsemax(scores) {
  const highest = largest(scores);
  const z = scores.map((s) => s - highest);
  let before = 0;
  let threshold = -Infinity;
  [...z].sort((a, b) => b - a).forEach((score, place) => {
    before += score;
    threshold = Math.max(threshold, (before - 1) / (place + 1));
  });
  return z.map((score) => Math.max(score - threshold, 0));
}

// By bisection on t, between where the largest weight alone is one and where all are
// equal. The logarithms leave no gap near alpha = 1.
function entmax(scores, alpha) {
  const c = alpha - 1;
  if (c === 0) return softmax(scores);
  if (c === 1) return sparsemax(scores);
  const highest = largest(scores);
  const z = scores.map((s) => s - highest);
  const weighed = (t) => z.map((s) => Math.exp(Math.log1p(Math.max(c * (s - t), -1)) / c));
  let low = 0;
  let high = -Math.expm1(-c * Math.log(z.length)) / c;
  for (let step = 0; step < 100; step++) {
    const t = (low + high) / 2;
    if (sum(weighed(t)) > 1) low = t;
    else high = t;
  }
  const weights = weighed((low + high) / 2);
  const total = sum(weights);
  return weights.map((w) => w / total);
}

// The first rival of softmax in the book: no weights where the scores sum to zero.
function divideBySum(scores) {
  const total = sum(scores);
  return scores.map((s) => (total === 0 ? NaN : s / total));
}

// The largest score takes all; equal ones share.
function hardmax(scores) {
  const highest = largest(scores);
  const best = scores.map((s) => (s === highest ? 1 : 0));
  return best.map((b) => b / sum(best));
}

const sigmoid = (scores) => scores.map((s) => 1 / (1 + Math.exp(-s)));

// The positive part of each score, divided by their sum: zeros where there is none.
function normalizedRelu(scores) {
  const positive = scores.map((s) => Math.max(s, 0));
  const total = sum(positive);
  return positive.map((p) => (total === 0 ? 0 : p / total));
}

const entropy = (weights) => -sum(weights.map((w) => (w > 0 ? w * Math.log(w) : 0)));
const effectiveSupport = (weights) => Math.exp(entropy(weights));

// What some keys leave behind: the largest score, and the sums of the exponentials and
// of the values weighed by them, both measured by that score.
function stateOf(scores, values) {
  const highest = largest(scores);
  const positive = scores.map((s) => Math.exp(s - highest));
  return { max: highest, total: sum(positive), out: dot(positive, values) };
}

function rescaled(state, highest) {
  const factor = state.max === -Infinity ? 0 : Math.exp(state.max - highest);
  return { max: highest, total: state.total * factor, out: state.out * factor };
}

function merged(a, b) {
  const highest = Math.max(a.max, b.max);
  const [left, right] = [rescaled(a, highest), rescaled(b, highest)];
  return { max: highest, total: left.total + right.total, out: left.out + right.out };
}

const NUMBERS = {
  average, softmax, softmax1, scalableSoftmax, sparsemax, entmax, divideBySum, hardmax,
  sigmoid, normalizedRelu, entropy, effectiveSupport, stateOf, merged,
};
