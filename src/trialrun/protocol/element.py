"""What every element of a study has in common: it is immutable, and it says where it comes from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trialrun.protocol.problem import Refusal, shown

ASSUMPTION = "assumption"


def _citations(value: Any) -> Any:
    cited = [] if value is None else value if isinstance(value, list | tuple) else [value]
    if not cited:
        raise ValueError("say at least one source; write e.g. registry#12, or assumption with a reason")
    for one in cited:
        if not re.fullmatch(r"assumption|doi:10\.\S+|[a-z][a-z0-9-]*#[0-9]+", str(one)):
            cure = "write e.g. registry#12, doi:10.1056/…, or assumption with a reason"
            raise ValueError(f"`{shown(one)}` is not a source; {cure}")
    return tuple(str(one) for one in cited)


Citations = Annotated[tuple[str, ...], BeforeValidator(_citations)]


class Part(BaseModel):
    """A piece of an element. Unknown keys are refused; nothing can be changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)


class Sourced(Part):
    """A piece that may cite its own source (``from``); an assumption gives its ``reason``."""

    from_: Citations = Field(default=(), alias="from")
    reason: str | None = None

    @model_validator(mode="after")
    def _assumption_has_reason(self) -> Self:
        if self.assumed and not (self.reason or "").strip():
            raise Refusal(
                "an assumption needs a `reason`; say in a sentence why, e.g. reason: Usual in this disease",
                "assumption-without-reason",
            )
        return self

    @property
    def assumed(self) -> bool:
        return ASSUMPTION in self.from_


class Element(Sourced):
    """A piece of the protocol that always cites its source."""

    from_: Citations = Field(alias="from")


def _identifier(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise ValueError(
            f"`{shown(value)}` cannot be a name; use letters a to z, digits and _, and begin with a letter"
        )
    return value


def _visit(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?", value):
        raise ValueError(
            f"`{shown(value)}` cannot name a visit; write e.g. W11, or C1.D8 for a day of a cycle"
        )
    return value


Name = Annotated[str, AfterValidator(_identifier)]
VisitName = Annotated[str, AfterValidator(_visit)]
