"""Regions of whole breast studies: a real one with the scanner's own volumes, and simulated ones."""

from __future__ import annotations

import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from breast_support import array, coordinates, dice
from scipy import ndimage
from virtualbiopsy.case.read import read_case
from virtualbiopsy.prepare.kinetics.derive import derive_maps
from virtualbiopsy.prepare.model import Kinetics
from virtualbiopsy.regions.breast import breast_mask, breast_sides
from virtualbiopsy.regions.curves import curve_at, curve_of
from virtualbiopsy.regions.proposal import propose
from virtualbiopsy.simulate.breast import BreastSettings, simulate_breast


@pytest.fixture(scope="module")
def folder(data_dir, tmp_path_factory):
    """UCSF-BR-06 of Breast-MRI-NACT-Pilot, as DICOM."""
    source = data_dir / "volumes/breast_dce_dicom/UCSF-BR-06.zip"
    if not source.is_file():
        pytest.skip("The breast study is not among the test data.")
    out = tmp_path_factory.mktemp("ucsf")
    with zipfile.ZipFile(source) as archive:
        archive.extractall(out)
    return out


@pytest.fixture(scope="module")
def study(folder):
    return read_case(folder)


@pytest.fixture(scope="module")
def volumes(folder):
    """The scanner's functional tumour volumes (mL) by name, and the box that they were counted in.

    Private elements (0117,10xx) of the SER objects: thresholds and volumes, and centre and half edges (LPS).
    """
    ds = pydicom.dcmread(next((folder / "UCSF-BR-06/image_dce_ser").iterdir()), stop_before_pixels=True)
    found = {
        str(item[0x0117, 0x10B5].value): float(item[0x0117, 0x10B4].value) for item in ds[0x0117, 0x10B0]
    }
    box = ds[0x0117, 0x1020][0]
    centre = np.array([float(v) for v in box[0x0117, 0x1042].value[:3]])
    edges = [[float(v) for v in box[0x0117, tag].value[:3]] for tag in (0x1043, 0x1044, 0x1045)]
    return found, centre, np.abs(edges).sum(axis=0)


def test_the_scanners_volumes_are_those_of_its_maps(study, volumes):
    """The thresholds mean what the proposal takes them for."""
    found, centre, half = volumes
    pe, ser = study.sequence("pe").image, study.sequence("ser").image
    offset = np.abs(coordinates(pe) - centre[:, None, None, None])
    inside = (offset <= half[:, None, None, None]).all(axis=0)
    voxel = np.prod(pe.GetSpacing()) / 1000.0
    bright = inside & (sitk.GetArrayViewFromImage(pe) >= 70.0)
    late = bright & (sitk.GetArrayViewFromImage(ser) >= 0.9)
    # The scanner drops voxels with fewer than four neighbours, and counts the border its own way.
    assert bright.sum() * voxel == pytest.approx(found["FTVpe(PEearly>70%)"], rel=0.03)
    assert late.sum() * voxel == pytest.approx(found["FTVser(PEearly>70%, SER>0.9)"], rel=0.03)


def test_one_click_gives_the_scanners_tumour_volume(study, volumes):
    found, centre, half = volumes
    pe = study.sequence("pe").image
    breast = breast_mask(study.sequence("dce").image)
    offset = np.abs(coordinates(pe) - centre[:, None, None, None])
    scanner = (offset <= half[:, None, None, None]).all(axis=0) & (sitk.GetArrayViewFromImage(pe) >= 70.0)
    hottest = ndimage.gaussian_filter(np.where(scanner, sitk.GetArrayViewFromImage(pe), 0.0), (1, 3, 3))
    k, j, i = np.unravel_index(int(np.argmax(hottest)), hottest.shape)
    point = pe.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
    functional = propose(pe, point, breast, threshold=70.0)
    # Vessels and skin in the scanner's box are left out, the dark core is taken.
    assert functional.volume_ml == pytest.approx(found["FTVpe(PEearly>70%)"], rel=0.1)
    assert dice(array(functional.mask), scanner) > 0.85
    chosen = propose(pe, point, breast)
    assert chosen.volume_ml == pytest.approx(found["FTVpe(PEearly>70%)"], rel=0.15)
    assert dice(array(chosen.mask), scanner) > 0.85 and not chosen.touches_limit


def test_the_real_breast_is_inside_its_mask(study):
    breast = breast_mask(study.sequence("dce").image)
    inside, tissue = array(breast), array(study.regions["breast"])
    assert np.count_nonzero(inside & tissue) > 0.999 * np.count_nonzero(tissue)
    assert set(breast_sides(breast)) == {"left"}
    # The heart enhances most of all at the back of the medial slices and must not be part of it.
    assert 0.15 < inside.mean() < 0.4


def test_the_curve_of_the_real_lesion_rises_and_falls(study, volumes):
    pe = study.sequence("pe").image
    point = pe.TransformIndexToPhysicalPoint((105, 125, 20))
    lesion = propose(pe, point).mask
    curve = curve_of(study.dynamic, lesion)
    assert curve.times_s == pytest.approx((-230.0, 177.0, 531.0), abs=1.0)
    assert curve.precontrast == (True, False, False)
    inside = array(lesion)
    early = sitk.GetArrayFromImage(study.dynamic.phases[1].image)[inside].mean()
    assert curve.mean[1] == pytest.approx(early) and curve.voxels == inside.sum()
    assert curve.enhancement[1] > 90.0 and curve.enhancement[2] < curve.enhancement[1]
    value = sitk.GetArrayViewFromImage(study.dynamic.phases[2].image)[20, 125, 105]
    assert curve_at(study.dynamic, point).mean[2] == float(value)


def test_a_simulated_lesion_is_found_by_one_click():
    """A simulated case: a lesion of 1 mL in parenchyma that enhances; the true outline is known."""
    settings = BreastSettings(sequences=("dce",), grid=(3.0, 1.5, 1.5))
    case = simulate_breast(16, settings=settings).as_case()
    image = case.sequence("dce").image
    truth, breast = array(case.regions["tumour"]), breast_mask(image)
    covered = array(breast) & array(case.regions["breast"])
    assert covered.sum() > 0.94 * array(case.regions["breast"]).sum() and (truth & ~array(breast)).sum() == 0
    assert dice(array(breast), array(case.regions["breast"])) > 0.85
    assert set(breast_sides(breast)) == {"left", "right"}
    pe = derive_maps(case, Kinetics(), ("pe",), lambda fraction, message: None).case.sequence("pe").image
    hot = ndimage.gaussian_filter(np.where(truth, sitk.GetArrayViewFromImage(pe), 0.0), 1.0)
    k, j, i = np.unravel_index(int(np.argmax(hot)), hot.shape)
    found = propose(pe, pe.TransformIndexToPhysicalPoint((int(i), int(j), int(k))), breast)
    assert dice(array(found.mask), truth) > 0.7
