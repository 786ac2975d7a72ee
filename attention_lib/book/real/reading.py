"""A model's reading of a few tokens: every weight, and what hiding a token changes."""

import torch

from attention_lib.book.real.attending import masked, noting, without_key

__all__ = ["Reading"]


class Reading:
    """A model's reading of a text.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        Tokens.

    Attributes
    ----------
    words : list of str
        The text of each token, without spaces around it.
    scores : Tensor, shape (number of tokens in the model,)
        Scores of the next token.
    weights : Tensor, shape (layers, heads, n, n)
        What each query gives to each key.
    """

    def __init__(self, model, ids):
        self.model, self.ids = model, torch.as_tensor(ids)
        self.words = [model.tokenizer.decode([i]).strip() for i in self.ids.tolist()]
        weights = []
        self.scores = model(self.ids, noting(weights), last=1)[-1]
        self.weights = torch.stack(weights)

    def erased(self, place):
        """Hide the token at a place from all later ones, in every layer: a mask."""
        mask = without_key(len(self.ids), place)
        return mask.expand(self.model.n_layers, self.model.n_heads, *mask.shape)

    def blind(self, heads, place):
        """Hide the token at a place from the last one, in some heads: a mask.

        Parameters
        ----------
        heads : iterable of (int, int)
            Layer and head of each.
        place : int
            Of the token that they do not see.
        """
        n = len(self.ids)
        mask = torch.ones(self.model.n_layers, self.model.n_heads, n, n).bool()
        for layer, head in heads:
            mask[layer, head] = without_key(n, place, first_row=n - 1)
        return mask

    def scores_with(self, masks):
        """Score the next token with each mask, in one run.

        Parameters
        ----------
        masks : list of bool Tensor, each of shape (layers, heads, n, n)
            As `erased` and `blind` give them.

        Returns
        -------
        Tensor, shape (masks, number of tokens in the model)
            Scores.
        """
        ids = self.ids.expand(len(masks), -1)
        return self.model(ids, masked(torch.stack(masks, dim=1)), last=1)[:, -1]
