"""Limits of what is read from files."""

GIB = 1024**3
MAX_BYTES = 4 * GIB
MAX_FILES = 50_000
MAX_VOLUMES_OF_A_SERIES = 12
MAX_PHASES = 512


def readable_size(count: float) -> str:
    """Bytes as text: "812 kB", "4.3 GB"."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
