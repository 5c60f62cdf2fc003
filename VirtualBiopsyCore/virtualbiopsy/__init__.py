"""VirtualBiopsy: estimate molecular markers of tumours from MR images, and show what the estimate rests on.

Research use only. Not for diagnosis or treatment.
"""

__version__ = "0.1.0"

RESEARCH_USE_ONLY = "Research use only — not for diagnosis or treatment"
