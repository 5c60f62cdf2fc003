"""Build the environment of the shap oracle once, and print the path of its Python.

    python Testing/Oracles/build_shap.py

It lies in build/oracle-shap, or in $VIRTUALBIOPSY_ORACLES/shap where that is set. shap is used by tests only;
it is not a part of the product. It must not share an environment with slicer-core: it installs a package
that is called `slicer`, too. Needs a Python 3.11 to 3.13. Ends with status 1 and one message if it cannot be
built.
"""

from __future__ import annotations

from environment import Oracle, main

PACKAGES = ("shap==0.49.1", "numpy>=2,<2.4", "scipy>=1.13,<1.17", "scikit-learn>=1.5,<1.8")

ORACLE = Oracle(
    name="shap",
    pythons=((3, 11), (3, 13)),
    steps=(("Installing shap", ("--only-binary=:all:", *PACKAGES)),),
    check="import shap.explainers",
    recipe="\n".join(PACKAGES),
)

if __name__ == "__main__":
    main(ORACLE.build)
