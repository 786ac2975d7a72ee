"""Ask whether the word that a head weighs most is the word that the model needs.

Protocol. SmolLM2-135M-Instruct reads "The keys to the old wooden cabinet" and scores
the next word: its log odds are those of the right form of *be* against the wrong one,
here *are* against *is*. The verb must agree with the subject, *keys*, and not with the
nearer *cabinet* (Linzen, Dupoux and Goldberg, 2016,
https://doi.org/10.1162/tacl_a_00115). 48 sentences: eight subjects by six places, half
of them plural, alone and after "It was late.", since the model uses its first token as
a sink, whatever it means. Measured are the weights in the last word's row; the log odds
when a word is *erased*, hidden from all later ones in every layer; and those when the
last word is *blind* for the subject in some heads, named layer.head from 0. In eight
sentences each of the 270 heads is made blind alone. Head 26.0 was found on the first
sentence, so the others are its test; five random heads of layers 15 to 29 are a
control. One small model, quantised to 4 bits: an example, and no more.
"""

from itertools import product
from typing import NamedTuple

import numpy as np

from attention_lib.book.real import load_model
from attention_lib.book.real.reading import Reading
from attention_lib.book.real.wheel import SETTINGS

__all__ = ["protocol", "reduced"]

NOUNS = ("key", "letter", "book", "picture", "door", "road", "toy", "song")
PLACES = (
    ("to", "cabinet"),
    ("near", "window"),
    ("from", "teacher"),
    ("behind", "house"),
    ("beside", "garden"),
    ("about", "king"),
)
BEFORE = {"alone": "", "after": "It was late. "}
HEAD, IDLE = (26, 0), ((27, 0), (25, 2))
NAMED = {"{}.{}".format(*head): head for head in (HEAD, *IDLE)}
RANDOM_LAYERS = range(15, 30)
# For each noun a sentence, plural and singular in turn, at three of the places.
ONE_OF_EACH = [len(PLACES) * i + 2 * i % len(PLACES) for i in range(len(NOUNS))]


class Sentence(NamedTuple):
    """The start of a sentence whose next word is a form of *be*."""

    text: str
    subject: str
    plural: bool


def sentences(before=""):
    """Make the 48 sentences, of which the first has one word more."""
    made = []
    for (i, noun), (j, (link, place)) in product(enumerate(NOUNS), enumerate(PLACES)):
        plural = (i + j) % 2 == 0
        subject, other = noun + "s" * plural, place + "s" * (not plural)
        old = "old wooden" if i == j == 0 else "old"
        text = f"{before}The {subject} {link} the {old} {other}"
        made.append(Sentence(text, subject, plural))
    return made


class Agreement(Reading):
    """A model's reading of a sentence, and how much it prefers the right verb."""

    def __init__(self, model, sentence):
        super().__init__(model, model.tokenizer.encode(sentence.text))
        if len(self.words) != len(sentence.text.replace(".", " .").split()):
            raise ValueError(f"some word of {sentence.text!r} is not one token")
        self.text = sentence.text
        self.subject = self.words.index(sentence.subject)
        are, is_ = (model.tokenizer.encode(verb)[0] for verb in (" are", " is"))
        self.right, self.wrong = (are, is_) if sentence.plural else (is_, are)
        self.log_odds = self.preference(self.scores).item()

    def preference(self, scores):
        """Take the wrong verb's score from the right one's."""
        return scores[..., self.right] - scores[..., self.wrong]

    def log_odds_with(self, masks):
        """Give the log odds with each of these masks."""
        return self.preference(self.scores_with(masks)).numpy()


def one(reading):
    """Measure all of the sentence that the book shows."""
    places = range(len(reading.words) - 1)
    likely = reading.scores.softmax(-1).topk(5)
    next_words = [reading.model.tokenizer.decode([i]) for i in likely.indices.tolist()]
    return {
        "words": reading.words,
        "log odds": reading.log_odds,
        "log odds, erased": reading.log_odds_with(list(map(reading.erased, places))),
        "last row": {n: reading.weights[h][-1].numpy() for n, h in NAMED.items()},
        "next words": next_words,
        "probabilities": likely.values.numpy(),
    }


def many(readings, seed=0):
    """Measure sentences side by side: for each quantity a list, an entry a sentence."""
    rng = np.random.default_rng(seed)
    rows = [row_of(reading, rng) for reading in readings]
    return {quantity: [row[quantity] for row in rows] for quantity in rows[0]}


def row_of(reading, rng):
    """Measure one sentence of many."""
    onto = reading.weights[:, :, -1, reading.subject]
    n_heads = reading.model.n_heads
    most = [divmod(i, n_heads) for i in onto.flatten().topk(5).indices.tolist()]
    others = [h for h in product(RANDOM_LAYERS, range(n_heads)) if h != HEAD]
    random = [others[i] for i in rng.choice(len(others), 5, replace=False)]
    blind = {name: [head] for name, head in NAMED.items()}
    blind |= {"five heads": most, "five random heads": random}
    erased = {word: reading.words.index(word) for word in ("The", "old")}
    erased |= {"subject": reading.subject, "first word": 0}
    masks = {f"{word} erased": reading.erased(place) for word, place in erased.items()}
    for name, heads in blind.items():
        masks[f"{name} blind"] = reading.blind(heads, reading.subject)
    log_odds = reading.log_odds_with(list(masks.values()))
    return {
        "text": reading.text,
        "log odds": reading.log_odds,
        **dict(zip(masks, log_odds, strict=True)),
        **{f"{name} on subject": onto[head].item() for name, head in NAMED.items()},
        "26.0 on last word": reading.weights[(*HEAD, -1, -1)].item(),
    }


def each_head(reading):
    """Give each head's weight on the subject, and how much its blindness takes away."""
    weight = reading.weights[:, :, -1, reading.subject].numpy()
    masks = [
        reading.blind([head], reading.subject) for head in np.ndindex(weight.shape)
    ]
    effect = reading.log_odds - reading.log_odds_with(masks)
    return weight, effect.reshape(weight.shape)


def rank_correlation(a, b):
    """Give Spearman's: the correlation of ranks, for numbers without ties."""
    ranks = (x.ravel().argsort().argsort() for x in (a, b))
    return np.corrcoef(*ranks)[0, 1]


def measured(model, count):
    """Measure the first sentence, and the first `count` of all."""
    result = {"settings": SETTINGS}
    for where, before in BEFORE.items():
        readings = [Agreement(model, s) for s in sentences(before)[:count]]
        result[where] = {"first": one(readings[0]), "all": many(readings)}
    return result


def reduced(model):
    """Measure some of it again, for ``make real``."""
    return measured(model, 4)


def protocol():
    """Measure everything."""
    model = load_model()
    result = measured(model, len(NOUNS) * len(PLACES))
    after = sentences(BEFORE["after"])
    readings = [Agreement(model, after[i]) for i in ONE_OF_EACH]
    pairs = [each_head(reading) for reading in readings]
    result["heads"] = {
        "text": [reading.text for reading in readings],
        "weight and effect": [rank_correlation(w, e) for w, e in pairs],
        "weight and size of effect": [rank_correlation(w, abs(e)) for w, e in pairs],
    }
    weight, effect = map(np.stack, zip(*pairs, strict=True))
    result["arrays"] = {"weight on subject": weight, "effect of blindness": effect}
    for where, before in BEFORE.items():
        first = Agreement(model, sentences(before)[0])
        result["arrays"][where] = first.weights.numpy()
    return result
