"""Qt panel parts that the scripted modules share; no science in here.

`job` (worker thread that lives with Qt), `editor` (embedded Segment Editor), `outline` (which segment is
the tumour, and did it change), `clinical` (form), `trust` (trust cards, numbers behind them), `ledger` (the
tree that chooses the map), `overlay` (controls of the maps), `questions` and `answers` (level 2 and the
influence of the outline, in the background), `whatif` (one slider), `probe` (the voxel under the mouse),
`cards` and `pictures` (result in words and figures), `study` (nodes to session and back, no Qt), `panel`
(joins them).
"""
