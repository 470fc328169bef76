"""The recipes that come with the program: they load, they fit, and they hold out the same repositories."""

from __future__ import annotations

from math import prod

import pytest

from repocomp.model.shape import weight_shapes
from repocomp.train.recipe import load_recipe

MILLION = 1_000_000


@pytest.mark.parametrize(("name", "least", "most"), [("tiny", 4, 10), ("base", 30, 60)])
def test_a_built_in_recipe_has_its_size_and_its_prompt_fits(name: str, least: int, most: int) -> None:
    recipe = load_recipe(name)
    parameters = sum(prod(size) for size in weight_shapes(recipe.shape).values())
    assert least * MILLION < parameters < most * MILLION
    budgets = recipe.budgets
    assert budgets.left + budgets.right + budgets.cross_file + budgets.middle < recipe.shape.max_context
    assert max(phase.tokens for phase in recipe.phases) <= recipe.shape.max_context
    assert recipe.phases[0].start == 0.0


def test_all_recipes_hold_out_the_same_repositories() -> None:
    tiny, base = load_recipe("tiny"), load_recipe("base")
    assert (tiny.held_out, tiny.validation, tiny.excluded) == (base.held_out, base.validation, base.excluded)
    assert tiny.digest != base.digest
    assert tiny.bytes_each < base.bytes_each
