"""Build the environment of the neuroCombat oracle once, and print the path of its Python.

    python Testing/Oracles/build_neurocombat.py

It lies in build/oracle-neurocombat, or in $VIRTUALBIOPSY_ORACLES/neurocombat where that is set. neuroCombat
is used by tests only; it is not a part of the product. Ends with status 1 and one message if it cannot be
built.
"""

from __future__ import annotations

from environment import Oracle, main

PACKAGES = ("neuroCombat==0.2.12", "numpy>=1.26,<2", "pandas>=2,<3")

ORACLE = Oracle(
    name="neurocombat",
    pythons=((3, 9), (3, 12)),
    steps=(("Installing neuroCombat", PACKAGES),),
    check="import neuroCombat",
    recipe="\n".join(PACKAGES),
)

if __name__ == "__main__":
    main(ORACLE.build)
