"""Qt panel parts that the scripted modules share; no science in here.

`module` (metadata, life cycle and logic of a module), `parameters` (what is saved with the scene), `samples`
(the shipped cases), `database` (DICOM elements of a volume), `selftest` (tests inside Slicer); `job` (worker
thread that lives with Qt), `images` (one selector per role), `clinical` (form), `editor` (embedded Segment
Editor), `outline` (which segment is the tumour, and did it change), `shown` (a result in the widgets),
`trust` (trust cards, numbers behind them), `ledger` (the tree that chooses the map), `overlay` (controls of
the maps), `questions` and `answers` (level 2 and the influence of the outline, in the background), `whatif`
(one slider), `probe` (the voxel under the mouse), `cards` and `pictures` (result in words and figures),
`exporting` (files, DICOM, chart), `keeping` (a result in the saved scene), `study` (nodes to session and
back, no Qt), `panel` (joins them).
"""
