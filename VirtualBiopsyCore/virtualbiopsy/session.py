"""The waist of the house: one case, its models and the caches; the only thing that a front end talks to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk

from . import __version__
from .case.clinical import check_clinical
from .case.model import Case
from .errors import EmptyRegionError, GeometryError, ModelMismatchError
from .evidence.model import RuleOutcome
from .evidence.rules import evaluate_rules, load_rules
from .explain.explain import explain
from .explain.model import Explanation
from .models.inference import predict
from .models.prediction import Prediction
from .models.radmodel import RadModel
from .prepare.model import Preparation, PreparedCase
from .prepare.prepare import prepare_case
from .progress import Progress, part, silent
from .radiomics.vector import FeatureVector
from .regions.facts import region_facts
from .regions.model import RegionFacts
from .trust.model import Stability
