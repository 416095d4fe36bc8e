"""Planned outputs tried on tables of nobody: every table and column that they name is looked for."""

from __future__ import annotations

import polars as pl

from trialrun.analysis.ard import analyse_outputs
from trialrun.protocol.problem import Problem, ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.tables.schema import domains


def tried(protocol: Protocol) -> list[Problem]:
    """What is wrong with the outputs of a study, before there is anybody in it; of each output the first."""
    tables = {code: one.empty() for code, one in domains(protocol).items()}
    try:
        analyse_outputs(tables, protocol.reported, protocol)
    except ProtocolError:
        return list(
            dict.fromkeys(one for key in protocol.reported.planned for one in _of(protocol, tables, key))
        )
    return []


def _of(protocol: Protocol, tables: dict[str, pl.DataFrame], output: str) -> list[Problem]:
    try:
        analyse_outputs(tables, protocol.reported, protocol, [output])
    except ProtocolError as error:
        return list(error.problems)
    return []
