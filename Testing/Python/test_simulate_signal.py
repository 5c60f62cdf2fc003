"""Signal equations of the simulator against closed forms and a step-by-step Bloch simulation."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.simulate import signal
from virtualbiopsy.simulate.scanner import SEQUENCES, draw_scanner
from virtualbiopsy.simulate.tissues import NAMES, TISSUES, parameters


def test_spin_echo_limits():
    assert signal.spin_echo(1.0, 1000.0, 100.0, tr=1e9, te=0.0) == pytest.approx(1.0, abs=1e-12)
    half = signal.spin_echo(1.0, 1000.0, 100.0, tr=1000.0 * np.log(2), te=100.0 * np.log(2))
    assert half == pytest.approx(0.25, abs=1e-12)


def test_inversion_time_nulls_the_fluid():
    ti = signal.null_ti(4100.0, 9000.0)
    fluid = signal.inversion_recovery(1.0, 4100.0, 2000.0, tr=9000.0, te=100.0, ti=ti)
    assert fluid == pytest.approx(0.0, abs=1e-12)
    # With endless TR the inversion time is T1 ln 2.
    assert signal.null_ti(4100.0, 1e7) == pytest.approx(4100.0 * np.log(2), rel=1e-9)


def test_ernst_angle_is_the_maximum():
    t1, tr = 900.0, 12.0
    flips = np.linspace(1, 40, 4001)
    values = [signal.spoiled_gradient_echo(1.0, t1, 1e9, tr=tr, te=0.0, flip=f) for f in flips]
    assert flips[int(np.argmax(values))] == pytest.approx(np.rad2deg(np.arccos(np.exp(-tr / t1))), abs=0.02)


@pytest.mark.parametrize("t1", [280.0, 860.0, 1450.0, 4200.0])
def test_mprage_equals_bloch_pulse_by_pulse(t1):
    tr, ti, flip, spacing, echoes = 2000.0, 950.0, 9.0, 6.6, 176
    m, cosine, sine = 1.0, np.cos(np.deg2rad(flip)), np.sin(np.deg2rad(flip))

    def relax(value: float, time: float) -> float:
        return 1 - (1 - value) * np.exp(-time / t1)

    seen = 0.0
    for _ in range(60):
        m = relax(-m, ti - echoes / 2 * spacing)
        for echo in range(echoes):
            if echo == echoes // 2:
                seen = abs(m) * sine
            m = relax(m * cosine, spacing)
        m = relax(m, tr - ti - echoes / 2 * spacing)
    # Here the pulse comes first and the relaxation after it; in the closed form it is the other way round.
    shift = abs(relax(1.0, spacing) - 1)
    value = signal.mprage(1.0, t1, 1e9, tr=tr, ti=ti, te=0.0, flip=flip, spacing=spacing, echoes=echoes)
    assert value == pytest.approx(seen, rel=0.012, abs=2e-4 + shift)


def test_mprage_train_must_fit():
    with pytest.raises(ValueError):
        signal.mprage(1.0, 900.0, 50.0, tr=900.0, ti=500.0, te=2.0, flip=9.0, spacing=7.0, echoes=176)


def test_contrast_agent_adds_rates():
    t1 = signal.shortened(1500.0, 4.0, 0.5)
    assert 1000 / t1 == pytest.approx(1000 / 1500 + 4.0 * 0.5, rel=1e-12)
    assert signal.shortened(1500.0, 4.0, 0.0) == pytest.approx(1500.0)


def test_adc_survives_the_round_trip():
    adc = np.array([300.0, 850.0, 3000.0])
    s0 = np.array([10.0, 5.0, 2.0])
    assert signal.adc_from(s0, signal.diffusion(s0, adc, 1000.0), 1000.0) == pytest.approx(adc, rel=1e-12)
    assert signal.adc_from(np.array([0.0]), np.array([1.0]), 1000.0)[0] == 0.0


def test_noise_is_rician():
    rng = np.random.default_rng(3)
    air = signal.rician(np.zeros(400_000), 2.0, rng)
    assert air.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=5e-3)
    assert (air**2).mean() == pytest.approx(2 * 2.0**2, rel=5e-3)
    bright = signal.rician(np.full(400_000, 100.0), 2.0, rng)
    assert bright.std() == pytest.approx(2.0, rel=5e-3)
    assert bright.mean() == pytest.approx(np.sqrt(100.0**2 + 2.0**2), rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_contrasts_of_the_sequences(seed):
    """What every radiologist expects of T1, T2, FLAIR and contrast T1, for each drawn protocol."""
    from virtualbiopsy.simulate.acquisition import tissue_signals

    scanner = draw_scanner(np.random.default_rng(seed))
    assert set(scanner.protocols) == set(SEQUENCES)
    s = {
        role: dict(zip(NAMES, tissue_signals(protocol, scanner.tesla), strict=True))
        for role, protocol in scanner.protocols.items()
    }
    assert s["t1"]["fat"] > s["t1"]["white"] > s["t1"]["grey"] > s["t1"]["csf"]
    assert s["t2"]["csf"] > s["t2"]["oedema"] > s["t2"]["grey"] > s["t2"]["white"]
    assert s["flair"]["oedema"] > s["flair"]["grey"] > s["flair"]["white"] > 5 * s["flair"]["csf"]
    assert s["t1c"]["blood"] > s["t1c"]["tumour"] > 1.4 * s["t1c"]["white"] > 1.4 * s["t1c"]["grey"]
    for role in SEQUENCES:
        assert s[role]["air"] == 0
        assert s[role]["cortical_bone"] < 0.2 * s[role]["white"]


def test_tissue_table():
    for tesla in (1.5, 3.0):
        p = parameters(tesla)
        assert len(p.pd) == len(TISSUES)
        assert np.all(p.t2star <= p.t2) and np.all(p.t2 <= p.t1)
    with pytest.raises(ValueError):
        parameters(7.0)
