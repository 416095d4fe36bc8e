"""Words that the tables use for what studies name in their own way.

Submission values of CDISC's controlled terminology for SDTM (codelists NCOMPLT, PROTMLST, DSCAT,
AGEU, UNIT, ARMNULRS). A study's own code that is not listed here is written in capitals.
"""

from __future__ import annotations

MILESTONE = "PROTOCOL MILESTONE"
DISPOSITION = "DISPOSITION EVENT"
OTHER = "OTHER EVENT"
PARTICIPATION = "STUDY PARTICIPATION"
TREATMENT = "STUDY TREATMENT"

ENROLLED = "ENROLLED"
DEATH = "DEATH"
SCREEN_FAILURE = "SCREEN FAILURE"
NOT_ASSIGNED = "NOT ASSIGNED"
NOT_TREATED = "ASSIGNED, NOT TREATED"
UNPLANNED = "UNPLANNED TREATMENT"
NOT_DONE = "NOT DONE"
COLLECTING = "COLLECTING"
COLLECTION = "COLLECTION"

ENDINGS = {
    "completed": "COMPLETED",
    "withdrawn": "WITHDRAWAL BY SUBJECT",
    "lost": "LOST TO FOLLOW-UP",
    "died": DEATH,
    "death": DEATH,
    "screen_failure": SCREEN_FAILURE,
}

AGES = {"a": "YEARS", "mo": "MONTHS", "wk": "WEEKS", "d": "DAYS", "h": "HOURS"}

# Codelists that hold in every study: NY and SEX of CDISC's terminology.
YES_NO = ("N", "Y")
FLAG = ("Y",)
SEXES = ("F", "M", "U", "INTERSEX", "UNDIFFERENTIATED")
NO_ARM = (
    "SCRNFAIL",
    "NOTASSGN",
    "NOTTRT",
    "UNPLAN",
)  # what ARMCD was before ARMNRS, for those without an arm

# Why an adverse event is serious, as the variables of AE have it: any of them makes AESER a Y.
SERIOUS = ("AESCAN", "AESCONG", "AESDISAB", "AESDTH", "AESHOSP", "AESLIFE", "AESOD", "AESMIE")

FATAL = ("fatal", "death", "died")  # outcomes of an adverse event, in any case of letters


def capitals(code: str) -> str:
    """A study's code as a term: ``dose_limiting_toxicity`` becomes ``DOSE LIMITING TOXICITY``."""
    return code.replace("_", " ").upper()


def arm_code(name: str) -> str:
    """An arm's name as ARMCD, which holds 20 characters."""
    return capitals(name)[:20]


def ending(code: str) -> str:
    """How participation ended, as a term of NCOMPLT where the study's code has one."""
    return ENDINGS.get(code, capitals(code))


def dose_unit(ucum: str) -> str:
    """A UCUM unit as a dose unit is written in EXDOSU: ``10*6.[iU]`` becomes ``10^6 IU``."""
    return ucum.replace("[iU]", "IU").replace("[IU]", "IU").replace("10*", "10^").replace(".", " ")
