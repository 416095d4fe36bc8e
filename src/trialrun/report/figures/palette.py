"""How arms are told apart in figures: a colour and a shape each, in the order of the study file."""

from __future__ import annotations

from trialrun.report.figures.figure import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")


def colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def shape(place: int) -> str:
    return SHAPES[place % len(SHAPES)]


def swatch(place: int) -> str:
    """The class of an arm's mark in a key."""
    return f"arm-{place % len(COLOURS)}"
