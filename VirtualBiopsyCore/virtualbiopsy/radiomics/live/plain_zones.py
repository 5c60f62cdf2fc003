"""Zones after an edit, in numpy.

Zones have numbers; a voxel's zone is ``root[label]``, so that zones grow together without their voxels being
looked at. An edit can part a zone only where voxels were taken from it: the pieces of the zone around the
edit are followed outward, all at once, until they have met or all but one have come to their end.
"""

from __future__ import annotations

import numpy as np


def settle(
    field: np.ndarray,
    label: np.ndarray,
    root: np.ndarray,
    zone_size: np.ndarray,
    zone_level: np.ndarray,
    near: np.ndarray,
    moved: np.ndarray,
    added: np.ndarray,
    steps: np.ndarray,
    next_number: int,
    owner: np.ndarray,
) -> int:
    """Bring the zones up to date with ``field``, which is as after the edit; all else is as before it.

    Parameters
    ----------
    label : (size,) int32, 0 outside. root : int32 by number, root[0] = 0.
    zone_size : int64 voxels by number, 0 where it stands for no zone. zone_level : int32 by number.
    near : positions inside after the edit of the changed voxels and their neighbours, each once.
    moved : (c,) changed positions. added : (c,) bool, else removed. steps : (26,).
    next_number : first number never used. owner : (size,) int32 zeros, for scratch.

    Returns
    -------
    The new first number never used; -1 if the numbers do not suffice, then nothing is right any more.
    """
    gone, new = moved[~added], moved[added]
    zone_gone = root[label[gone]]
    np.subtract.at(zone_size, zone_gone, 1)
    label[gone] = 0
    around = new + steps[:, None]
    hit = np.zeros(len(zone_size), dtype=bool)
    hit[root[label[around[field[around] == field[new]]]]] = True
    hit[zone_gone] = True
    hit[0] = False
    fresh = label[near] == 0
    nodes = near[hit[root[label[near]]] | fresh]
    if not len(nodes):
        return next_number
    zone = root[label[nodes]]
    count, part = _parts(field, nodes, steps[: len(steps) // 2], owner)
    held = np.unique(zone[zone > 0].astype(np.int64) * count + part[zone > 0])
    pair_zone, pair_part = np.divmod(held, count)
    alone = np.bincount(part[zone > 0], minlength=count) == 0
    if len(pair_zone) > len(np.unique(pair_zone)):
        comp, ended, seen = _explore(field, nodes, part, count, pair_zone, pair_part, steps, owner)
    else:
        comp, ended, seen = np.arange(count), np.zeros(count, dtype=bool), (nodes, part)
    ended = ended | (np.bincount(comp, ~alone, count) == 0)

    numbers = np.full(count, -1)
    whole = np.unique(comp[ended[comp]])
    if next_number + len(whole) > len(zone_size):
        return -1
    numbers[whole] = np.arange(next_number, next_number + len(whole))
    position, mine = seen[0], comp[seen[1]]
    kept = ended[mine]
    position, mine = position[kept], mine[kept]
    if len(position):
        np.subtract.at(zone_size, root[label[position]], 1)
        zone_size[next_number : next_number + len(whole)] = 0
        np.add.at(zone_size, numbers[mine], 1)
        zone_level[numbers[mine]] = field[position]
        label[position] = numbers[mine]
        root[numbers[whole]] = numbers[whole]
    zone_size[0] = 0

    open_zone, open_comp = pair_zone[~ended[comp[pair_part]]], comp[pair_part][~ended[comp[pair_part]]]
    order = np.argsort(zone_size[open_zone])
    numbers[open_comp[order]] = open_zone[order]
    for small, into in set(zip(open_zone.tolist(), numbers[open_comp].tolist(), strict=True)):
        if small != into:
            root[root == small] = into
            zone_size[into] += zone_size[small]
            zone_size[small] = 0
    mine = comp[part[label[nodes] == 0]]
    np.add.at(zone_size, numbers[mine], 1)
    label[nodes[label[nodes] == 0]] = numbers[mine]
    return next_number + len(whole)


def _parts(
    field: np.ndarray, nodes: np.ndarray, steps: np.ndarray, order: np.ndarray
) -> tuple[int, np.ndarray]:
    """Parts of one level, connected among some positions: how many, and the number 0… of each position's."""
    order[nodes] = np.arange(1, len(nodes) + 1, dtype=np.int32)
    around = nodes[:, None] + steps
    ends = order[around]
    linked = (field[around] == field[nodes][:, None]) & (ends > 0)
    order[nodes] = 0
    first, direction = np.nonzero(linked)
    second = ends[first, direction] - 1
    # Every position points to the first one known of its part; of linked parts the later takes the earlier.
    lowest = np.arange(len(nodes))
    while True:
        one, other = lowest[first], lowest[second]
        apart = one != other
        if not apart.any():
            break
        first, second = first[apart], second[apart]
        least = np.minimum(one[apart], other[apart])
        np.minimum.at(lowest, one[apart], least)
        np.minimum.at(lowest, other[apart], least)
        while (lowest[lowest] != lowest).any():
            lowest = lowest[lowest]
    number = np.cumsum(lowest == np.arange(len(nodes)))
    return int(number[-1]), number[lowest] - 1


def _explore(
    field: np.ndarray,
    nodes: np.ndarray,
    part: np.ndarray,
    count: int,
    pair_zone: np.ndarray,
    pair_part: np.ndarray,
    steps: np.ndarray,
    owner: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Follow the parts of contested zones until no zone has two that may still go on.

    Returns
    -------
    comp : (count,) which parts are one, by the number of one of them. ended : (count,) bool by that number:
        all voxels have been found. seen : the positions that were found, and the part (0…) of each.
    """
    comp = np.arange(count)
    ended = np.zeros(count, dtype=bool)
    owner[nodes] = part + 1
    seen = [nodes]
    waiting = nodes
    row = np.unique(pair_zone, return_inverse=True)[1]
    alive = np.empty((int(row.max()) + 1, count), dtype=bool)
    while True:
        mine = comp[pair_part]
        alive[...] = False
        alive[row, mine] = ~ended[mine]
        rivals = np.count_nonzero(alive, axis=1) > 1
        followed = alive[rivals].any(axis=0)
        now = followed[comp[owner[waiting] - 1]]
        front, waiting = waiting[now], waiting[~now]
        if not len(front):
            break
        around = front + steps[:, None]
        own = owner[front]
        same = field[around] == field[front]
        found = around[same]
        source = np.broadcast_to(own, same.shape)[same]
        new = owner[found] == 0
        fresh = found[new]
        owner[fresh] = source[new]
        met, other = comp[owner[found] - 1], comp[source - 1]
        apart = met != other
        if apart.any():
            touching = _distinct(met[apart] * count + other[apart])
            for one, two in zip(*np.divmod(touching, count), strict=True):
                one, two = comp[one], comp[two]
                if one != two:
                    comp[comp == two] = one
        fresh = _distinct(fresh)
        seen.append(fresh)
        waiting = np.concatenate([waiting, fresh])
        left = np.zeros(count, dtype=bool)
        left[comp[owner[waiting] - 1]] = True
        over = np.zeros(count, dtype=bool)
        over[comp[followed]] = True
        ended |= over & ~left
    positions = np.concatenate(seen)
    parts = owner[positions] - 1
    owner[positions] = 0
    return comp, ended, (positions, parts)


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """Each of the numbers once, ascending; faster than numpy.unique for few."""
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=-1) > 0]
