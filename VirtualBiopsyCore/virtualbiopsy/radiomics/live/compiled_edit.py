"""Compiled loops of an edit; see :mod:`virtualbiopsy.radiomics.live.plain` for what they do."""

from __future__ import annotations

import numpy as np
from numba import types

from ..kernels.jit import B1, I4, I8, INT, jit

_F8X3 = types.Array(types.float64, 3, "C")
_I8X2 = types.Array(types.int64, 2, "C")
_I8X3 = types.Array(types.int64, 3, "C")
_I8 = types.Array(types.int64, 1, "C")
_I4 = types.Array(types.int32, 1, "C")
_U2 = types.Array(types.uint16, 1, "C")


@jit(_F8X3, I4, I8, I8, I8, INT)
def add_pairs(table, field, direction, first, second, sign):
    for p in range(len(first)):
        d = direction[p]
        one = field[first[p]] - 1
        other = field[second[p]] - 1
        table[d, one, other] += sign
        table[d, other, one] += sign


@jit(_I8X2, I4, I8, I8, INT)
def add_alike(table, field, at, steps, sign):
    for n in range(len(at)):
        own = field[at[n]]
        alike = 0
        for d in range(len(steps)):
            alike += field[at[n] + steps[d]] == own
        table[own - 1, alike] += sign


@jit(_I8X3, I4, I8, I8, I8, INT)
def add_tones(table, field, at, steps, neighbours, sign):
    for n in range(len(at)):
        own = np.int64(field[at[n]])
        total = np.int64(0)
        for d in range(len(steps)):
            total += field[at[n] + steps[d]]
        count = neighbours[n]
        table[0, own - 1, count] += sign
        table[1, own - 1, count] += sign * abs(own * count - total)


@jit(_I8X3, I4, I8, I8, I8, _U2, INT)
def add_runs(table, field, direction, position, steps, marks, sign):
    longest = table.shape[2]
    starts = np.empty(len(position), np.int64)
    count = 0
    whole = True
    for p in range(len(position)):
        d = direction[p]
        step = steps[d]
        start = position[p]
        level = field[start]
        while field[start - step] == level:
            start -= step
        bit = np.uint16(1 << d)
        if marks[start] & bit:
            continue
        marks[start] |= bit
        starts[count] = start
        count += 1
        length = 1
        end = start + step
        while field[end] == level:
            length += 1
            end += step
        if length > longest:
            whole = False
        else:
            table[d, level - 1, length - 1] += sign
    for n in range(count):
        marks[starts[n]] = 0
    return whole


@jit()
def _find(parent, n):
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@jit()
def _contested(parent, zone, ended, zones, followed):
    """Mark the parts of zones that have two or more parts that may go on; whether there is any."""
    first = np.full(zones, -1, np.int64)
    several = np.zeros(zones, np.uint8)
    found = False
    for n in range(len(zone)):
        z = zone[n]
        comp = _find(parent, n)
        followed[n] = 0
        if z < 0 or ended[comp]:
            continue
        if first[z] < 0:
            first[z] = comp
        elif first[z] != comp:
            several[z] = 1
            found = True
    if found:
        for n in range(len(zone)):
            if zone[n] >= 0 and several[zone[n]]:
                followed[_find(parent, n)] = 1
    return found


@jit(I4, _I4, _I4, _I8, _I4, I8, I8, B1, I8, INT, _I4)
def settle(field, label, root, zone_size, zone_level, near, moved, added, steps, next_number, owner):
    slot = np.full(len(zone_size), -1, np.int32)
    zones = 0
    for c in range(len(moved)):
        at = moved[c]
        if added[c]:
            for d in range(len(steps)):
                other = at + steps[d]
                if field[other] == field[at] and label[other] > 0:
                    z = root[label[other]]
                    if slot[z] < 0:
                        slot[z] = zones
                        zones += 1
        else:
            z = root[label[at]]
            label[at] = 0
            zone_size[z] -= 1
            if slot[z] < 0:
                slot[z] = zones
                zones += 1

    seen = np.empty(len(field), np.int64)
    count = 0
    for n in range(len(near)):
        at = near[n]
        if label[at] == 0 or slot[root[label[at]]] >= 0:
            seen[count] = at
            count += 1
            owner[at] = count
    if count == 0:
        return next_number
    zone = np.full(count, -1, np.int64)
    parent = np.arange(count)
    for n in range(count):
        at = seen[n]
        if label[at] > 0:
            zone[n] = slot[root[label[at]]]
        for d in range(len(steps) // 2):
            other = at + steps[d]
            if owner[other] > 0 and field[other] == field[at]:
                one, two = _find(parent, n), _find(parent, owner[other] - 1)
                parent[max(one, two)] = min(one, two)

    ended = np.zeros(count, np.uint8)
    followed = np.zeros(count, np.uint8)
    found = count
    waiting = np.empty(0, np.int64)
    waits = 0
    begun = False
    while _contested(parent, zone, ended, zones, followed):
        if not begun:
            begun = True
            waiting = np.empty(len(field), np.int64)
            waiting[:count] = seen[:count]
            waits = count
        newest = found
        left = 0
        for w in range(waits):
            at = waiting[w]
            mine = _find(parent, owner[at] - 1)
            if not followed[mine]:
                waiting[left] = at
                left += 1
                continue
            for d in range(len(steps)):
                other = at + steps[d]
                if field[other] != field[at]:
                    continue
                if owner[other] == 0:
                    owner[other] = owner[at]
                    seen[found] = other
                    found += 1
                else:
                    theirs = _find(parent, owner[other] - 1)
                    if theirs != mine:
                        # What is followed stays followed, so that no voxel is left behind in this round.
                        low = min(mine, theirs)
                        parent[max(mine, theirs)] = low
                        followed[low] = 1
                        mine = low
        for n in range(newest, found):
            waiting[left] = seen[n]
            left += 1
        waits = left
        alive = np.zeros(count, np.uint8)
        for w in range(waits):
            alive[_find(parent, owner[waiting[w]] - 1)] = 1
        for n in range(count):
            comp = _find(parent, n)
            if followed[comp] and not alive[comp]:
                ended[comp] = 1

    old = np.zeros(count, np.uint8)
    for n in range(count):
        if zone[n] >= 0:
            old[_find(parent, n)] = 1
    number = np.full(count, -1, np.int64)
    following = next_number
    for n in range(count):
        if parent[n] == n and (ended[n] or not old[n]):
            ended[n] = 1
            number[n] = following
            following += 1
    if following > len(zone_size):
        for n in range(found):
            owner[seen[n]] = 0
        return -1
    for n in range(next_number, following):
        zone_size[n] = 0
        root[n] = n
    for n in range(found):
        at = seen[n]
        comp = _find(parent, owner[at] - 1)
        owner[at] = 0
        if ended[comp]:
            zone_size[root[label[at]]] -= 1
            label[at] = number[comp]
            zone_size[number[comp]] += 1
            zone_level[number[comp]] = field[at]
    zone_size[0] = 0
    for n in range(count):
        comp = _find(parent, n)
        if zone[n] >= 0 and not ended[comp]:
            z = root[label[seen[n]]]
            if number[comp] < 0 or zone_size[z] > zone_size[number[comp]]:
                number[comp] = z
    for n in range(count):
        comp = _find(parent, n)
        if ended[comp]:
            continue
        into = number[comp]
        if zone[n] < 0:
            label[seen[n]] = into
            zone_size[into] += 1
        else:
            small = root[label[seen[n]]]
            if small != into:
                zone_size[into] += zone_size[small]
                zone_size[small] = 0
                for m in range(following):
                    if root[m] == small:
                        root[m] = into
    return following
