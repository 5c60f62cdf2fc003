"""MRML adapters: nodes in, nodes out (the only room besides desktop and web that imports slicer and vtk)."""
