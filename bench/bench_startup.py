"""How long `trialrun --help` takes, against bare Python and against importing click."""

import subprocess
import sys
import time
from statistics import median

ROUNDS = 15
CONTESTANTS = {
    "python -c pass": ["-c", "pass"],
    "import click": ["-c", "import click"],
    "trialrun --help": ["-c", "from trialrun.cli import main; main()", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one Python process, s."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    # Round by round, so that whatever else the machine does falls on all alike.
    rounds = [{name: seconds(arguments) for name, arguments in CONTESTANTS.items()} for _ in range(ROUNDS)]
    medians = {name: median(times[name] for times in rounds) for name in CONTESTANTS}
    for name, middle in medians.items():
        print(f"{name:<16} {1000 * middle:5.0f} ms  {middle / medians['python -c pass']:4.1f} × bare Python")
    print(
        f"trialrun --help takes {medians['trialrun --help'] / medians['import click']:.2f} × importing click"
    )


if __name__ == "__main__":
    main()
