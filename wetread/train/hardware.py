"""Lines, tubes, devices, wires, clips and electrodes, drawn into a frontal or a lateral film.

The ways that they take are of our own choosing, in hundredths of the mean film's sides (see ``canvas``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wetread.model.detector import DRAWN
from wetread.train.canvas import INSIDE, WHITE, Canvas, curve, filled, ring, stroke

__all__ = ["electrodes", "hardware", "line"]


def line(canvas: Canvas) -> None:
    """A catheter, tube, drain or shunt, by the way that it takes."""
    rng = canvas.rng
    kind, way = _side_way(canvas) if canvas.chest.lateral else _front_way(canvas)
    wide = kind in ("trachea", "drain")
    width = rng.uniform(2, 4) if wide else canvas.between(0.6, 1.9)
    stroke(canvas, "line", curve(way), width, rng.uniform(0.12, 0.5), hollow=wide or rng.random() < 0.3)


def _front_way(canvas: Canvas) -> tuple[str, Sequence[np.ndarray]]:
    rng, at = canvas.rng, canvas.at
    right = rng.random() < 0.55

    def own(x: float) -> float:
        return x if right else 100 - x

    tip = at(46, 38 + rng.uniform(-6, 10))
    kind = str(rng.choice(["arm", "neck", "chest", "trachea", "stomach", "drain", "shunt"]))
    low = rng.uniform
    ways = {
        "arm": lambda: [at(own(2), low(25, 60)), at(own(14), 24), at(own(30), 17), at(own(40), 20), tip],
        "neck": lambda: [at(own(40), -2), at(own(42), 8), at(own(44), 18), at(46, 27), tip],
        "chest": lambda: [at(own(22), low(22, 34), 3), at(own(24), 20), at(own(32), 15), at(own(41), 18), tip],
        "trachea": lambda: [at(50, -2, 1), at(50, 8, 1), at(50, low(16, 24), 1)],
        "stomach": lambda: [at(50, -2, 1), at(50, 15, 1), at(51, 35, 1), at(53, 55), at(56, 70), at(62, 80, 4)],
        "drain": lambda: [at(own(4), low(50, 75), 4), at(own(14), 55, 5), at(own(20), low(15, 40), 4)],
        "shunt": lambda: [at(own(44), -2, 3), at(own(43), 20, 3), at(own(42), 50, 4), at(own(45), 90, 5)],
    }
    return kind, ways[kind]()


def _side_way(canvas: Canvas) -> tuple[str, Sequence[np.ndarray]]:
    rng, at = canvas.rng, canvas.at
    kind = str(rng.choice(["arm", "neck", "chest", "trachea", "stomach", "drain", "shunt"]))
    low = rng.uniform
    tip = at(48, 38 + low(-6, 10), 2)
    ways = {
        "arm": lambda: [at(low(25, 60), low(2, 10), 3), at(46, 16, 3), at(45, 24, 2), at(47, 31), tip],
        "neck": lambda: [at(52, -2, 3), at(50, 10, 2), at(47, 20, 2), at(47, 30), tip],
        "chest": lambda: [at(29, low(24, 36), 3), at(34, 20, 2), at(42, 15, 2), at(46, 24, 2), tip],
        "trachea": lambda: [at(54, -2), at(54, 8), at(54, low(16, 26))],
        "stomach": lambda: [at(58, -2), at(59, 15), at(62, 35), at(62, 52), at(56, 66, 2), at(48, 76, 4)],
        "drain": lambda: [at(low(30, 75), low(55, 80), 4), at(low(35, 70), 45, 5), at(low(40, 65), low(18, 40), 4)],
        "shunt": lambda: [at(48, -2, 3), at(38, 18, 3), at(27, 40, 3), at(25, 62, 3), at(27, 92, 5)],
    }
    return kind, ways[kind]()


def _generator(canvas: Canvas, port: bool) -> None:
    """A pacemaker with its leads, or a port with its catheter, seen from the front."""
    rng = canvas.rng
    right = rng.random() < 0.35
    centre = canvas.at(24 if right else 76, 25, 4)
    size = [rng.uniform(4, 7)] * 2 if port else [rng.uniform(9, 15), rng.uniform(8, 14)]
    _case(canvas, port, centre, *size)
    for _ in range(1 if port else int(rng.integers(1, 4))):
        heart = [canvas.at(46, 38)] if port else [canvas.at(45, 45), canvas.at(50, 60, 3), canvas.at(62, 63, 3)]
        way = [centre, canvas.at(32 if right else 68, 16, 2), canvas.at(42 if right else 58, 18), canvas.at(46, 28)]
        what = "line" if port else "pacemaker"
        stroke(canvas, what, curve([*way, *heart]), canvas.between(0.7, 1.6), rng.uniform(0.25, 0.8))


def _case(canvas: Canvas, port: bool, centre: np.ndarray, wide: float, high: float, turn: float | None = None) -> None:
    """The metal of a pacemaker or a port: lighter or darker within."""
    rng = canvas.rng
    case = ring(centre, wide, high, rng.uniform(2, 4), rng.uniform(0, np.pi) if turn is None else turn)
    inner = (case - centre) * rng.uniform(0.4, 0.75) + centre + rng.normal(size=2)
    strength = rng.uniform(0.5, 1)
    hole = strength * rng.uniform(-0.5, 0.4)
    shape = filled(case)
    canvas.film += (strength * shape + hole * filled(inner)) * (WHITE - np.clip(canvas.film, 0, 1))
    canvas.masks[DRAWN.index("port" if port else "pacemaker")] |= shape > INSIDE


def _generator_aside(canvas: Canvas, port: bool) -> None:
    """The same seen from the side: the case, if it is on the film, on edge below the collar bone; leads to the heart.

    The leads of a defibrillator have thick coils, in the great vein and in the right ventricle.
    """
    rng, at = canvas.rng, canvas.at
    centre = at(29, 26, 4)
    if port or rng.random() < 0.4:
        size = (rng.uniform(3, 6), rng.uniform(1.2, 2.5)) if port else (rng.uniform(8, 13), rng.uniform(1.5, 8))
        _case(canvas, port, centre, *size, turn=-1.0 + 0.4 * rng.normal())
    start = [centre, at(34, 15, 3)] if rng.random() < 0.5 else [at(36, 6, 5), at(40, 14, 3)]
    vein = [at(45, 22, 2), at(49, 32, 2)]
    if port:
        stroke(canvas, "line", curve([*start, *vein, at(49, 40, 2)]), canvas.between(0.7, 1.5), rng.uniform(0.2, 0.6))
        return
    ventricle = [at(49, 44, 2), at(46, 54, 3), at(37, 60, 3), at(28, 59, 3)]
    atrium = [at(49, 44, 2), at(44, 49, 3), at(38, 43, 3)]
    sinus = [at(49, 46, 2), at(54, 55, 3), at(50, 62, 3), at(44, 60, 4)]
    strength, width = rng.uniform(0.12, 0.8), canvas.between(0.6, 1.5)
    for leads in ((ventricle,), (ventricle, atrium), (ventricle, atrium, sinus))[rng.choice(3, p=(0.35, 0.45, 0.2))]:
        stroke(canvas, "pacemaker", curve([*start, *vein, *leads]), width, strength * rng.uniform(0.6, 1.1))
    if rng.random() < 0.4:
        coil = rng.uniform(1.8, 3.2)
        bright = rng.uniform(0.5, 1)
        stroke(canvas, "pacemaker", curve([ventricle[1], *ventricle[2:]])[10:], coil, bright)
        if rng.random() < 0.7:
            stroke(canvas, "pacemaker", curve([vein[0], vein[1], ventricle[0]]), coil, bright)


def _wires(canvas: Canvas) -> None:
    """The wires of a sternotomy: loops before the spine, or along the breastbone that is seen on edge."""
    rng, lateral = canvas.rng, canvas.chest.lateral
    strength, width = rng.uniform(0.2, 0.8), rng.uniform(0.6, 1.3)
    n = int(rng.integers(4, 8))
    x, y, step = 50 + rng.normal() * 1.5, rng.uniform(24, 32), rng.uniform(4.5, 7.5)
    bone = np.linspace(canvas.at(33, 22, 2), canvas.at(23, 56, 2), n)
    for i in range(n):
        tilt = rng.normal() * 0.4
        if lateral:
            size, flat, middle = rng.uniform(1.5, 3.5), rng.uniform(0.4, 1.1), bone[i] + rng.normal(size=2) * 0.7
        else:
            size, flat, middle = rng.uniform(4, 7), rng.uniform(0.15, 0.5), canvas.at(x, y + i * step, 0.6)
        t = np.linspace(0, 2 * np.pi * rng.uniform(0.55, 1), 30)
        loop = np.stack([np.cos(t) * size, np.sin(t) * size * flat + np.cos(t) * tilt * size], 1)
        stroke(canvas, "wires", middle + loop, width, strength)


def _clips(canvas: Canvas) -> None:
    """Surgical clips: a few short strokes beside each other."""
    rng = canvas.rng
    centre, strength = canvas.at(float(rng.choice([20, 45, 50, 55, 80])), rng.uniform(12, 75), 6), rng.uniform(0.3, 0.9)
    for _ in range(int(rng.integers(1, 9))):
        middle, half = centre + rng.normal(size=2) * rng.uniform(2, 9), rng.normal(size=2)
        half *= rng.uniform(1, 2.8) / max(float(np.linalg.norm(half)), 1e-3)
        stroke(canvas, "clips", np.stack([middle - half, middle + half]), rng.uniform(0.8, 1.6), strength)


def _valve(canvas: Canvas) -> None:
    rng, size = canvas.rng, canvas.rng.uniform(4, 8)
    middle = canvas.at(44, 50, 3) if canvas.chest.lateral else canvas.at(54, 54, 3)
    seen = ring(middle, size, size * rng.uniform(0.3, 1), turn=rng.uniform(0, np.pi))
    stroke(canvas, "clips", seen, rng.uniform(0.8, 2), rng.uniform(0.3, 0.8))


def hardware(canvas: Canvas) -> None:
    """A pacemaker, a port, the wires of a sternotomy, clips or a heart valve."""
    lateral = canvas.chest.lateral
    kind = canvas.rng.choice(["pacemaker", "port", "wires", "clips", "valve"])
    if kind == "wires":
        _wires(canvas)
    elif kind == "clips":
        _clips(canvas)
    elif kind == "valve":
        _valve(canvas)
    else:
        (_generator_aside if lateral else _generator)(canvas, kind == "port")


def electrodes(canvas: Canvas) -> None:
    """What lies upon the patient and is no device: the electrodes of an ECG, with or without their cables."""
    rng = canvas.rng
    strength = rng.uniform(0.15, 0.7)
    cables = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 6))):
        middle = canvas.at(rng.uniform(8, 92), rng.uniform(8, 85))
        canvas.add("electrode", filled(ring(middle, *rng.uniform(1.5, 3.5, 2))), strength)
        if rng.random() < 0.6:
            stroke(canvas, "electrode", ring(middle, *rng.uniform(3.5, 6, 2)), 0.7, strength * 0.6)
        if cables:
            far = [middle + rng.normal(size=2) * 25, canvas.at(rng.uniform(20, 80), rng.uniform(40, 100), 8)]
            cable = curve([middle, *far])
            stroke(canvas, "electrode", cable, canvas.between(0.6, 1.4), strength * rng.uniform(0.4, 0.9))
