"""Build the environment of the scikit-survival oracle once, and print the path of its Python.

    python Testing/Oracles/build_sksurv.py

It lies in build/oracle-sksurv, or in $VIRTUALBIOPSY_ORACLES/sksurv where that is set. scikit-survival is
under the GPL and used by tests only, in this environment; it is not a part of the product. Ends with status 1
and one message if it cannot be built.
"""

from __future__ import annotations

from environment import Oracle, main

PACKAGES = ("scikit-survival==0.28.0",)

ORACLE = Oracle(
    name="sksurv",
    pythons=((3, 11), (3, 14)),
    steps=(("Installing scikit-survival", ("--only-binary=:all:", *PACKAGES)),),
    check="import sksurv.tree, sksurv.linear_model",
    recipe="\n".join(PACKAGES),
)

if __name__ == "__main__":
    main(ORACLE.build)
