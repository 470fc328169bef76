"""The measures of a report, explained for whoever meets them on its page; `evaluate` computes them."""

from __future__ import annotations

POLICIES = (
    ("never", "Nothing from other files is looked up."),
    ("always", "Chunks of other files are looked up for every hole."),
    (
        "random",
        "Looked up as often as by threshold, but for holes drawn by lot: what the choice is worth beyond its rate.",
    ),
    ("greedy", "Looked up where the model gives it a probability above one half."),
    ("threshold", "Looked up where that probability is above the threshold that the pack ships with: what users get."),
    ("oracle", "Knows both answers and takes the better one: the most that any decision could reach."),
    (
        "pair",
        "The pack that decides drafts first; where it is not sure, the generator writes too, and the surer draft is the"
        " answer. Retrieved counts what the generator read.",
    ),
    ("n-gram cache", "No model: what followed the same tokens before, in the file and in the chunks, is written on."),
    ("copy a line", "No model: the line that follows the most similar line is copied."),
)
MEASURES = (
    (
        "hole",
        "A span cut out of a file as it stands; what stood there is the truth, and the answer is compared with it.",
    ),
    ("EM", "Exact match: the share of answers that equal the truth, white space and kind of quotes aside."),
    ("ES", "Edit similarity, as in RepoEval: 1 minus the edit distance over the longer length; 100 for the same text."),
    ("ES (ratio)", "Edit similarity as in CrossCodeEval, which counts an edit as a removal and an insertion."),
    ("95 %", "The interval in which ES lies if other files had been drawn, by resampling the files of this report."),
    (
        "id F1",
        "How well the identifiers of the answer agree with those of the truth, right ones and missing ones counted.",
    ),
    ("retrieved", "The share of holes for which other files were looked up."),
    ("tokens", "Mean length of the prompt."),
    (
        "ms, p50, p95",
        "Milliseconds from cursor to answer: the mean, the median, and what 95 % of the answers stay below.",
    ),
    ("p", "The probability, by the model, that looking up other files helps here."),
    ("helped, harmed", "With what was looked up the answer is closer to the truth, or further from it, than without."),
    ("accuracy", "The share of holes where it was looked up exactly if that helped."),
    (
        "ROC-AUC",
        "How well p orders the holes: the chance that it is larger where looking up helps than where not; 0.5 is luck.",
    ),
    ("ECE", "Expected calibration error: how far p is, on average, from how often it really helped."),
    ("abstention precision", "Of the holes where nothing was looked up, the share where it would not have helped."),
    ("nats per token", "How much likelier the model finds the truth with the chunks: natural logarithms, per token."),
    ("bits per byte", "What the model needs to spell the truth: the fewer, the better it knows this code."),
    ("area", "Mean ES over all rates of looking up, from never to always: the quality of an order of the holes."),
    ("could skip", "The share of look-ups that could be left out at next to no loss of ES."),
)
"""Each with its explanation, in the order of the page."""
