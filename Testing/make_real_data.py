"""Write Docs/real-data.md from the real tables; needs the folder that VIRTUALBIOPSY_DATA names.

python Testing/make_real_data.py            # writes
python Testing/make_real_data.py --print    # prints, writes nothing
python Testing/make_real_data.py --print gvm men
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(ROOT / "Testing" / "Python")]


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    from real_page import page, results

    folder = os.environ.get("VIRTUALBIOPSY_DATA", "")
    if not folder or not Path(folder).is_dir():
        print("VIRTUALBIOPSY_DATA does not name a folder of test data.", file=sys.stderr)
        return 1
    keys = [argument for argument in arguments if not argument.startswith("-")]

    def told(_fraction: float, words: str) -> None:
        print(words, file=sys.stderr)

    text = page(results(Path(folder), told, keys))
    if "--print" in arguments or keys:
        print(text)
    else:
        (ROOT / "Docs" / "real-data.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
