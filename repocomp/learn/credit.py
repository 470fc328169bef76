"""What feedback says about the arms: how answers were received, by the arms whose snippets were in the prompt.

The shipped action asks all arms, and exploring is rare: what varies, and teaches from the first day, is whose snippets
filled the prompt. A ridge regression of the reward (less what the place alone lets expect) on the shares of the arms,
by place, credits them. An action's credit is the difference that it makes to those shares. This is seen, not done: the
places differ in more than the regression knows. Therefore credit is believed only when it predicts later rewards
(`predicted` goes through the gate), and what replays say against an action counts as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.learn.rewards import Event
from repocomp.policy.select import Action, traits, vector
from repocomp.retrieve.retrieve import DEFAULT_ARMS
from repocomp.stats.ridge import Moments, moments

Floats = npt.NDArray[np.float64]

NATS = 1.0
"""What an answer that is taken is worth in nats per token, so that credit and replays can be added. An answer has some
eight tokens: a third of a nat for each is ten times the chance that all of them are right."""
_CAUTION = 2.0
"""Standard errors taken off: what was seen and not done must be twice as clear as what replays show."""
_RIDGE = 5.0
_WARM = 20
"""Events before the first one is predicted."""
_AGAIN = 10
"""Events after which the model is fitted anew."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Events as arrays: places `x` [n, columns], `shares` of the arms [n, arms], `reward` [n]."""

    x: Floats
    shares: Floats
    reward: Floats

    @classmethod
    def of(cls, events: Sequence[Event], columns: Sequence[str]) -> Evidence:
        """Those that had snippets in the prompt, in order."""
        used = [event for event in events if event.shares]
        return cls(
            np.array([vector(columns, traits(event.known)) for event in used]).reshape(-1, len(columns)),
            np.array([[event.shares.get(arm, 0.0) for arm in DEFAULT_ARMS] for event in used]).reshape(
                -1, len(DEFAULT_ARMS)
            ),
            np.array([event.reward for event in used]),
        )

    def __len__(self) -> int:
        return len(self.reward)


def credit(evidence: Evidence, actions: Sequence[Action], usual: Mapping[str, float], bias_at: int) -> Floats:
    """Weights [actions, columns] in nats per token: what each action's change of the `usual` shares is worth by place.

    The usual standard error is taken off twice, from the column `bias` (number `bias_at`).
    """
    columns = evidence.x.shape[1]
    if not len(evidence):
        return np.zeros((len(actions), columns))
    base = np.array([usual.get(arm, 0.0) for arm in DEFAULT_ARMS])
    left = evidence.reward - evidence.x @ _baseline(evidence.x, evidence.reward)
    fit = moments(_crossed(evidence, base), left[:, None]).solve(_RIDGE)
    theta = fit.weights.reshape(len(DEFAULT_ARMS), columns)
    change = np.array([shares_under(action, base) - base for action in actions])
    result: Floats = NATS * change @ theta
    inverse = fit.inverse.reshape(len(DEFAULT_ARMS), columns, len(DEFAULT_ARMS), columns)
    seen = evidence.x.T @ evidence.x / len(evidence)
    # The mean over places of the variance z' inverse z, z being change (x) place.
    variance = np.einsum("ap,pcqd,aq,cd->a", change, inverse, change, seen, optimize=True)
    result[:, bias_at] -= NATS * _CAUTION * fit.residual_deviation[0] * np.sqrt(np.maximum(0.0, variance))
    return result


def predicted(evidence: Evidence, usual: Mapping[str, float]) -> Floats:
    """One number for each event after the first few: how right it was to credit the arms as all before it would have.

    It is the product of what was predicted beyond the place's own expectation and what came beyond it, scaled to about
    -1 .. 1: its mean is above zero only if credit predicts rewards.
    """
    base = np.array([usual.get(arm, 0.0) for arm in DEFAULT_ARMS])
    crossed = _crossed(evidence, base)
    places, arms = Moments(evidence.x.shape[1], 1), Moments(crossed.shape[1], 1)
    of_place, of_arms = np.zeros(evidence.x.shape[1]), np.zeros(crossed.shape[1])
    found = []
    for at, (x, z, reward) in enumerate(zip(evidence.x, crossed, evidence.reward, strict=True)):
        if at % _AGAIN == 0:
            of_place, of_arms = places.solve(_RIDGE).weights[0], arms.solve(_RIDGE).weights[0]
        expected = float(of_place @ x)
        if at >= _WARM:
            found.append(float(np.clip(4 * float(of_arms @ z), -1, 1)) * (reward - expected))
        places.add(x, np.array([reward]))
        arms.add(z, np.array([reward - expected]))
    return np.array(found)


def shares_under(action: Action, base: Floats) -> Floats:
    """The shares [arms] that an action would bring: those of its own arms, the others' room shared out."""
    if action.arms is None or action.is_none:
        return base
    own = np.array([arm in action.arms for arm in DEFAULT_ARMS], dtype=np.float64)
    kept = own * base
    result: Floats = kept / kept.sum() if kept.sum() > 0 else own / own.sum()
    return result


def _crossed(evidence: Evidence, base: Floats) -> Floats:
    """Shares beyond the usual ones, by place: [n, arms * columns]."""
    beyond = evidence.shares - base
    result: Floats = (beyond[:, :, None] * evidence.x[:, None, :]).reshape(
        len(evidence), beyond.shape[1] * evidence.x.shape[1]
    )
    return result


def _baseline(x: Floats, reward: Floats) -> Floats:
    weights: Floats = moments(x, reward[:, None]).solve(_RIDGE).weights[0]
    return weights
