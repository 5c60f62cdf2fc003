"""Guessing the role of a sequence from names and acquisition parameters."""

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.model import ROLES, Sequence
from virtualbiopsy.case.roles import guess_role, resolve_roles

NAMES = {
    "t1c": [
        "BraTS-MEN-00001-000-t1c", "Brats18_2013_2_1_t1ce", "T1c_subtrMeanDivStd", "case_t1gd", "t1_post",
        "AX T1 POST GD", "T1 MPRAGE +C", "t1_mpr_sag_gd", "t1_tse_tra_km", "3D T1 TFE CE", "T1W_3D_contrast",
        "sub-01_ce-gadolinium_T1w", "Ax FSPGR post", "SAG 3D BRAVO +C", "ct1", "T1+C", "cet1w", "T1增强",
        "t1_vibe_tra_post", "T1 with contrast", "T1 FLAIR post gd",
    ],
    "t1": [
        "BraTS-MET-00110-000-t1n", "Brats18_2013_2_1_t1", "sub-01_T1w", "t1_mprage_sag", "AX T1 pre contrast",
        "T1 native", "t1_tse_tra ohne KM", "MR_T1_image", "Ax T1 FLAIR", "BRAVO", "T1 non contrast",
        "TCGA-DU-7294_hdbet_native_t1", "STS_004_MR_T1",
    ],
    "t2": ["Brats18_2013_2_1_t2", "BraTS-MET-00110-000-t2w", "AX T2 TSE", "t2_space_sag", "T2 FRFSE post gd"],
    "flair": [
        "Brats18_2013_2_1_flair", "BraTS-MET-00110-000-t2f", "TCGA-DU-7294_fla_bet", "t2_tirm_tra_dark-fluid",
        "AX T2 FLAIR", "Flair_subtrMeanDivStd", "t2_spc_da-fl_flair_sag", "3D CUBE FLAIR post",
    ],
    "adc": ["ADC", "ep2d_diff_b1000_ADC", "Apparent Diffusion Coefficient", "dADC", "Ax DWI_ADC", "adc_map"],
    "dwi": ["DWI", "ep2d_diff_3scan_trace", "b1000", "Ax DTI 32 dir", "TRACEW", "ep2d_diff_tra"],
    "perfusion": ["rCBV", "ep2d_perf", "CBF map", "ASL perfusion", "DSC"],
    "swi": ["SWI_Images", "SWAN", "t2* gre", "t2star"],
    "t1map": ["T1 map", "t1map", "MOLLI_T1 mapping"],
    "aptw": ["APTw", "apt_cest", "APT 3D"],
    "pe": ["Sag 3DFGRE: PE1", "PE", "percent enhancement"],
    "ser": ["Sag 3DFGRE: SER", "ser_map"],
    "ktrans": ["Ktrans", "DCE K-trans"],
    "kep": ["kep"],
    "ve": ["ve", "dce_ve_map"],
    "washin": ["wash-in", "WashIn"],
    "washout": ["washout"],
    "ttp": ["TTP"],
    "maxslope": ["MaxSlope"],
    "curvetype": ["curvetype", "Curve Type"],
    "dce": ["DCE", "dyn t1 vibe", "T1 TWIST", "dynamic"],
    "other": [
        "LOCALIZER", "3Plane Loc", "eADC", "brain1_image", "scan", "Sag 3DFGRE: PE2", "T1 subtraction",
        "B1234", "",
    ],
}  # fmt: skip


@pytest.mark.parametrize("role, name", [(role, name) for role, names in NAMES.items() for name in names])
def test_names(role, name):
    guess = guess_role(name, {})
    assert guess.role == role, guess
    assert guess.reason.endswith(".") and guess.role in ROLES


PARAMETERS = [
    ("t1c", "SE", 550, 9, 0, {"ContrastBolusAgent": "Gd"}),
    ("t1", "SE", 550, 9, 0, {"ContrastBolusAgent": "NONE"}),
    ("t1", "GR", 8.9, 3.1, 900, {}),
    ("t1", "GR\\IR", 2300, 3, 900, {}),
    ("t2", "SE", 4500, 100, 0, {}),
    ("flair", "SE\\IR", 9000, 120, 2500, {}),
    ("swi", "GR", 28, 20, 0, {}),
    ("other", "EP", 2000, 30, 0, {}),
    ("other", "SE", 4000, 12, 0, {}),
    ("dce", "RM", 8.2, 4.2, 0, {"NumberOfTemporalPositions": "3"}),
    ("dwi", "EP\\SE", 4000, 80, 0, {"DiffusionBValue": "1000"}),
]


@pytest.mark.parametrize("role, technique, tr, te, ti, more", PARAMETERS)
def test_timing(role, technique, tr, te, ti, more):
    timing = {"RepetitionTime": f"{tr}", "EchoTime": f"{te}", "InversionTime": f"{ti}"}
    assert guess_role("001", {"ScanningSequence": technique, **timing, **more}).role == role


@pytest.mark.parametrize(
    "role, protocol",
    [
        ("adc", {"ImageType": "DERIVED\\PRIMARY\\ADC\\NORM"}),
        ("perfusion", {"ImageType": "DERIVED\\PRIMARY\\RCBV"}),
        ("flair", {"AcquisitionContrast": "FLUID_ATTENUATED"}),
        ("t1", {"ImageType": "ORIGINAL\\PRIMARY\\T1\\NONE"}),
        ("other", {}),
        ("other", {"RepetitionTime": "x", "EchoTime": ""}),
    ],
)
def test_parameters(role, protocol):
    assert guess_role("001", protocol).role == role


def test_the_agent_tag_decides_what_a_t1_is():
    assert guess_role("AX T1 SE", {"ContrastBolusAgent": "Gadovist"}).role == "t1c"
    assert guess_role("AX T1 SE", {"ContrastBolusAgent": "NONE"}).role == "t1"
    assert guess_role("AX T1 SE pre", {"ContrastBolusAgent": "Gadovist"}).role == "t1"
    assert guess_role("AX T2", {"ContrastBolusAgent": "Gadovist"}).role == "t2"


def test_the_description_comes_before_the_name():
    assert guess_role("t2.nii", {}, "AX FLAIR").role == "flair"
    assert guess_role("t2.nii", {}, "series 4").role == "t2"


def sequence(name, spacing=1.0, source=""):
    image = sitk.GetImageFromArray(np.zeros((3, 3, 3), np.float32))
    image.SetSpacing((spacing,) * 3)
    return Sequence("other", name, image, source=source)


def test_of_two_candidates_the_better_one_keeps_the_role():
    items = [sequence("t1_post", 2.0), sequence("T1 MPRAGE +C", 1.0), sequence("t2"), sequence("thing")]
    found = resolve_roles([(s, guess_role(s.name, {})) for s in items])
    assert [s.role for s in found] == ["other", "t1c", "t2", "other"]
    assert "T1 MPRAGE +C has that role" in found[0].reason and all(s.reason for s in found)
    deep = [sequence("a_t1", 0.5, "/x/native/a"), sequence("b_t1", 1.0, "/x/b")]
    assert [s.role for s in resolve_roles([(s, guess_role(s.name, {})) for s in deep])] == ["other", "t1"]
