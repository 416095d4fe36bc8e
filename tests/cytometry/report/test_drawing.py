"""The pieces of a drawing: an image, axes, lines around what a gate holds, numbers in words."""

import zlib

import numpy as np
import pytest

from trialrun.cytometry.report.agreement import Agreement
from trialrun.cytometry.report.axis import Axis, window
from trialrun.cytometry.report.colour import LEVELS, palette
from trialrun.cytometry.report.course import ends
from trialrun.cytometry.report.language import language
from trialrun.cytometry.report.outline import of_events
from trialrun.cytometry.report.png import png
from trialrun.cytometry.transform import Linear, Log, Logicle


def test_an_image_holds_its_levels() -> None:
    levels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = png(levels, palette())
    at = image.index(b"IDAT")
    size = int.from_bytes(image[at - 4 : at], "big")
    rows = np.frombuffer(zlib.decompress(image[at + 4 : at + 4 + size]), np.uint8).reshape(3, 5)
    assert (rows[:, 0] == 0).all() and (rows[:, 1:] == levels).all()


def test_the_palette_grows_lighter_step_by_step() -> None:
    """So that it reads alike without colour vision: luminance as in WCAG 2.1."""
    colours = np.frombuffer(palette(), np.uint8).reshape(LEVELS, 3) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light = linear @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) > 0).all()
    assert light[0] < 0.12 and light[-1] > 0.65


@pytest.mark.parametrize("transform", [Logicle(262144, 0.5, 4.5), Log(262144, 4.5)])
def test_ticks_stand_at_the_values_that_they_name(transform: Logicle | Log) -> None:
    axis = Axis("A", "A", transform, 0.0, 1.0)
    labelled = {tick.label: tick.at for tick in axis.ticks() if tick.label}
    for label, value in (("10³", 1e3), ("10⁴", 1e4), ("10⁵", 1e5)):
        assert labelled[label] == pytest.approx(float(transform.apply(np.array([value]))[0]), abs=1e-4)
    places = sorted(labelled.values())
    assert min(np.diff(places)) > 0.1


def test_ticks_of_a_linear_axis_are_round() -> None:
    labels = [tick.label for tick in Axis("A", "A", Linear(262144), 0.0, 1.0).ticks()]
    assert labels == ["0", "50k", "100k", "150k", "200k", "250k"]


def test_a_window_holds_nearly_all_events_and_nothing_breaks_it() -> None:
    low, high = window([np.linspace(0.2, 0.6, 5000), np.array([np.nan, 0.3])])
    assert low <= 0.2 < 0.6 <= high and high - low < 0.6
    for odd in ([], [np.array([])], [np.array([0.5])], [np.full(9, np.nan)]):
        low, high = window(odd)
        assert low < high


def test_a_traced_line_goes_around_what_is_held() -> None:
    windows = [(0.0, 1.0), (-1.0, 1.0)]
    found = of_events(lambda v: (v[0] - 0.5) ** 2 + v[1] ** 2 / 4 < 0.09, windows)
    (path,) = found.paths
    x, y = np.array(path).T
    away = np.sqrt((x - 0.5) ** 2 + y**2 / 4)
    assert np.abs(away - 0.3).max() < 0.006
    assert 8 < len(path) < 80
    hole = of_events(lambda v: np.abs((v[0] - 0.5) ** 2 + v[1] ** 2 / 4 - 0.06) < 0.03, windows)
    assert len(hole.paths) == 2
    assert of_events(lambda v: v[0] > 2, windows).paths == ()
    assert len(of_events(lambda v: v[0] > -1, windows).paths[0]) <= 8
    assert of_events(lambda v: v[0] > 0.5, windows[:1]).spans == ((0.5, None),)


def test_numbers_are_written_as_the_language_does() -> None:
    english, french = language("en"), language("fr")
    assert (english.number(12345.6), french.number(12345.6)) == ("12,346", "12\u202f346")
    assert (english.number(0.01234), french.number(-0.01234)) == ("0.0123", "\N{MINUS SIGN}0,0123")
    assert (english.number(9.996), english.number(0), english.number(None)) == ("10.0", "0", "–")
    assert french.percent(1, 3) == "33,3\u00a0%" and french.percent(1, 0) == "–"
    assert french.said("no valley: the density has one peak only")[1] == "fr"
    assert french.said("what nobody translated") == ("what nobody translated", "en")
    nested = french.said("its parent `x` is not known: `y` has no events")[0]
    assert nested == "son parent «\u00a0x\u00a0» n'est pas connu\u00a0: «\u00a0y\u00a0» n'a aucun événement"


def test_axes_of_courses_hold_all_values() -> None:
    assert ends([3.0, 7.2]) == (0.0, 7.5, 2.5) or ends([3.0, 7.2])[1] >= 7.2
    for values in ([0.0], [-5.0, 2.0], [1e-9], [4e6]):
        bottom, top, step = ends(values)
        assert bottom <= min(0.0, *values) and top >= max(values) and step > 0
        assert (top - bottom) / step < 8


def test_agreement_is_known_where_it_can_be() -> None:
    assert Agreement((9.0, 11.0, None)).cv == pytest.approx(14.142, abs=1e-3)
    assert Agreement((9.0, None)).sd is None and Agreement((None,)).mean is None
    assert Agreement((-1.0, 1.0)).cv is None
