"""MRML adapters: nodes in, nodes out (the only room besides desktop and web that imports slicer and vtk).

All functions take the scene or nodes as arguments, so that the desktop, trame-slicer and slicer-core alone
run the same code.
"""
