"""Draw Docs/growth.svg from the "growth" entry of build/bench.json.

python Testing/Benchmarks/growth_plot.py
"""

from __future__ import annotations

import math

COLOURS = {"plain": "#2f7ed8", "compiled": "#1a9850", "pyradiomics": "#999999"}
NAMES = {"plain": "numpy and scipy", "compiled": "with numba", "pyradiomics": "pyradiomics 3.0.1"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 330, 230, 60, 34, 90


def decades(values: list[float]) -> tuple[int, int]:
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def panel(x: float, title: str, unit: dict[int, str], points: list[tuple[str, float, float]]) -> list[str]:
    """One plot with logarithmic axes: voxels across, (engine, voxels, value) up."""
    across, up = decades([p[1] for p in points]), decades([p[2] for p in points])

    def place(voxels: float, value: float) -> tuple[float, float]:
        right = (math.log10(voxels) - across[0]) / (across[1] - across[0])
        high = (math.log10(value) - up[0]) / (up[1] - up[0])
        return x + right * WIDTH, TOP + (1 - high) * HEIGHT

    out = [f'<text x="{x}" y="{TOP - 14}" font-weight="600">{title}</text>']
    for n in range(across[0], across[1] + 1):
        at, _ = place(10**n, 10 ** up[0])
        out.append(f'<line x1="{at}" x2="{at}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#ddd"/>')
        text = f"10{str(n).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
        out.append(f'<text x="{at}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{text}</text>')
    out.append(f'<text x="{x + WIDTH / 2}" y="{TOP + HEIGHT + 34}" text-anchor="middle">voxels</text>')
    for n in range(up[0], up[1] + 1):
        _, at = place(10 ** across[0], 10.0**n)
        out.append(f'<line x1="{x}" x2="{x + WIDTH}" y1="{at}" y2="{at}" stroke="#ddd"/>')
        out.append(f'<text x="{x - 6}" y="{at + 4}" text-anchor="end">{unit.get(n, "")}</text>')
    for engine, colour in COLOURS.items():
        own = [place(voxels, value) for name, voxels, value in points if name == engine]
        if own:
            line = " ".join(f"{a:.1f},{b:.1f}" for a, b in own)
            out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in own]
    return out


def draw(points: list[dict]) -> str:
    seconds = [(p["engine"], p["voxels"], p["seconds"]) for p in points]
    memory = [(p["engine"], p["voxels"], max(p["extra_bytes"], 1 << 18) / 2**20) for p in points]
    times = {-3: "1 ms", -2: "10 ms", -1: "0.1 s", 0: "1 s", 1: "10 s", 2: "100 s"}
    body = panel(LEFT, "Time, all classes of the original image", times, seconds)
    labels = {-1: "0.1 MB", 0: "1 MB", 1: "10 MB", 2: "100 MB", 3: "1 GB", 4: "10 GB"}
    body += panel(LEFT + WIDTH + GAP, "Memory beyond the image", labels, memory)
    for n, engine in enumerate(e for e in COLOURS if any(p["engine"] == e for p in points)):
        x, y = LEFT + n * 150, TOP + HEIGHT + 58
        body.append(f'<rect x="{x}" y="{y - 9}" width="14" height="4" fill="{COLOURS[engine]}"/>')
        body.append(f'<text x="{x + 20}" y="{y - 3}">{NAMES[engine]}</text>')
    width, height = 2 * WIDTH + LEFT + GAP + 20, TOP + HEIGHT + 72
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="#222">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(body)}</svg>\n'
    )
