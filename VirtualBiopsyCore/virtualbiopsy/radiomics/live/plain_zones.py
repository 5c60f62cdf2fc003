"""Zones after an edit, in numpy and scipy.

Zones have numbers; a voxel's zone is ``root[label]``, so that zones grow together without their voxels being
looked at. An edit can part a zone only where voxels were taken from it: the pieces of the zone around the
edit are followed outward, all at once, until they have met or all but one have come to their end.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components


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
    starts = np.concatenate(([0], np.cumsum(np.count_nonzero(linked, axis=1))))
    ends = ends[linked] - 1
    links = csr_array((np.ones(len(ends), dtype=np.int8), ends, starts), shape=(len(nodes), len(nodes)))
    return connected_components(links, directed=False)


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
    while True:
        mine = comp[pair_part]
        going = np.unique((pair_zone * count + mine)[~ended[mine]])
        zone, alive = np.divmod(going, count)
        _, first, rivals = np.unique(zone, return_index=True, return_counts=True)
        if not (rivals > 1).any():
            break
        followed = np.zeros(count, dtype=bool)
        followed[alive[np.repeat(rivals > 1, rivals)]] = True
        now = followed[comp[owner[waiting] - 1]]
        front, waiting = waiting[now], waiting[~now]
        around = front + steps[:, None]
        same = field[around] == field[front]
        found = around[same]
        source = np.broadcast_to(owner[front], same.shape)[same]
        before = owner[found]
        fresh = found[before == 0]
        owner[fresh] = source[before == 0]
        met = comp[owner[found] - 1]
        other = comp[source - 1]
        touching = np.unique(met[met != other].astype(np.int64) * count + other[met != other])
        for one, two in zip(*np.divmod(touching, count), strict=True):
            one, two = comp[one], comp[two]
            if one != two:
                comp[comp == two] = one
        fresh = np.unique(fresh)
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
