"""Run every benchmark here: each `bench_*.py` has a `main()` that prints ratios against a peer."""

import runpy
import sys
from pathlib import Path


def run(names: list[str]) -> None:
    """Run the named benchmarks (`startup` for bench_startup.py), or all of them in order of name."""
    found = {
        path.stem.removeprefix("bench_"): path for path in sorted(Path(__file__).parent.glob("bench_*.py"))
    }
    if unknown := set(names) - set(found):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    for name in names or found:
        print(f"── {name}")
        runpy.run_path(str(found[name]))["main"]()


if __name__ == "__main__":
    run(sys.argv[1:])
