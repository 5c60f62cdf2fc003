"""Build the environment of the dcmri oracle once, and print the path of its Python.

    python Testing/Oracles/build_dcmri.py

It lies in build/oracle-dcmri, or in $VIRTUALBIOPSY_ORACLES/dcmri where that is set. dcmri is used by a
benchmark only. Ends with status 1 and one message if it cannot be built.
"""

from __future__ import annotations

from environment import Oracle, OracleError, main

__all__ = ["ORACLE", "OracleError", "build"]

PACKAGES = ("dcmri==0.6.20", "numpy>=2,<2.4", "scipy>=1.13,<1.17")

ORACLE = Oracle(
    name="dcmri",
    pythons=((3, 10), (3, 13)),
    steps=(("Installing dcmri", ("--only-binary=:all:", *PACKAGES)),),
    check="import dcmri",
    recipe="\n".join(PACKAGES),
)
build = ORACLE.build

if __name__ == "__main__":
    main(build)
