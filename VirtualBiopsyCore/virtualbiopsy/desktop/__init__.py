"""Qt panel parts that the scripted modules share; no science in here.

`job` (worker thread that lives with Qt), `editor` (embedded Segment Editor), `outline` (which segment is
the tumour, and did it change), `clinical` (form), `overlay` (controls of the map), `cards` (result in words
and figures), `study` (nodes to session and back, no Qt), `panel` (joins them).
"""
