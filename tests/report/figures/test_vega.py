"""The process that draws: the same drawings as here, in order, and a clear end when something is wrong."""

from typing import Any

import pytest
import vl_convert

from trialrun.report.figures.vega import Vega


def bars(height: float) -> dict[str, Any]:
    return {
        "mark": "bar",
        "data": {"values": [{"a": "x", "b": height}]},
        "encoding": {"x": {"field": "a"}, "y": {"field": "b", "type": "quantitative"}},
    }


def test_it_draws_what_would_be_drawn_here() -> None:
    heights = [1 / 3, 250.4701820747212, 1e-17]
    with Vega() as vega:
        begun = [vega.draw(bars(one)) for one in heights]
        drawn = [one.result(60) for one in begun]
    assert drawn == [vl_convert.vegalite_to_svg(bars(one)) for one in heights]


def test_what_cannot_be_drawn_is_said_and_the_next_is_drawn() -> None:
    with Vega() as vega:
        wrong, right = vega.draw({"mark": "no such mark"}), vega.draw(bars(1))
        with pytest.raises(ValueError, match="Vega-Lite to SVG conversion failed"):
            wrong.result(60)
        assert right.result(60).startswith("<svg")


def test_a_process_that_ended_is_said() -> None:
    with Vega() as vega:
        assert vega.draw(bars(1)).result(60)
        vega._process.kill()
        vega._process.wait()
        with pytest.raises(RuntimeError, match="the process that draws figures ended with -9"):
            vega.draw(bars(1)).result(60)


def test_leaving_does_not_wait_for_what_nobody_asked() -> None:
    with Vega() as vega:
        begun = [vega.draw(bars(one)) for one in range(50)]
    assert vega._process.returncode is not None
    assert all(one.done() for one in begun)
