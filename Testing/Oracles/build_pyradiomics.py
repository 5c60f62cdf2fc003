"""Build the environment of the pyradiomics oracle once, and print the path of its Python.

    python Testing/Oracles/build_pyradiomics.py

It lies in build/oracle-pyradiomics, or in $VIRTUALBIOPSY_ORACLES/pyradiomics where that is set. pyradiomics
is used by tests and benchmarks only; it is not a part of the product and does not share its environment.
Needs a Python 3.9 to 3.11 (the last that pyradiomics 3.0.1 builds on) and a C compiler. Ends with status 1
and one message if it cannot be built.
"""

from __future__ import annotations

from environment import Oracle, OracleError, main

__all__ = ["ORACLE", "OracleError", "build"]

TOOLS = ("numpy==1.26.4", "wheel", "setuptools==68.2.2")
PACKAGES = ("pyradiomics==3.0.1", "SimpleITK>=2.3,<3")
PATTERNS = ("scipy>=1.11,<1.15", "scikit-image>=0.22,<0.26", "trimesh>=4,<5")
"""What pyradiomics imports for its local binary patterns; newer releases lack functions that it calls."""

ORACLE = Oracle(
    name="pyradiomics",
    pythons=((3, 9), (3, 11)),
    steps=(
        ("Installing the build tools", TOOLS),
        ("Building pyradiomics", ("--no-build-isolation", *PACKAGES, TOOLS[0])),
        ("Installing what local binary patterns need", (*PATTERNS, TOOLS[0])),
    ),
    check="import radiomics.featureextractor",
    recipe="\n".join((*TOOLS, *PACKAGES, *PATTERNS, "no build isolation")),
)
build = ORACLE.build

if __name__ == "__main__":
    main(build)
