"""Single cells by area on height."""

import numpy as np
import pytest

from trialrun.cytometry import singlets


def test_doublets_lie_off_the_line() -> None:
    stream = np.random.default_rng(7)
    height = stream.uniform(1e4, 2e5, 5000)
    area = 1.3 * height * stream.normal(1, 0.03, 5000)
    doublets = np.arange(0, 5000, 10)
    area[doublets] *= 1.7
    line = singlets.fit(area, height)
    members = line.members(area, height)
    assert line.slope == pytest.approx(1.3, rel=0.02)
    assert members[doublets].sum() == 0 and 0.98 < np.delete(members, doublets).mean() < 0.999
    assert "too few" in singlets.fit(area[:9], height[:9]).reasons[0]
    assert "rise" in singlets.fit(-area, height).reasons[0]


def test_order_changes_no_line_and_what_has_no_line_is_said() -> None:
    stream = np.random.default_rng(8)
    height = stream.uniform(1e4, 2e5, 1000)
    area = 1.3 * height * stream.normal(1, 0.03, 1000)
    assert singlets.fit(area[::-1], height[::-1]) == singlets.fit(area, height)
    assert "above zero" in singlets.fit(area, height - 2e5).reasons[0]
    exact = singlets.fit(height, height)
    assert "no width" in exact.reasons[0]
    with pytest.raises(ValueError, match="no line"):
        exact.members(area, height)
    with pytest.raises(ValueError, match="1000 areas for 9"):
        singlets.fit(area, height[:9])
