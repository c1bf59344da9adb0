"""A right answer to an entry: the dataset's own, the one in its metadata, or one that is found here."""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

Cars = dict[str, tuple[int, int, int]]
"letter -> (first cell, length, stride) of a car that can move"
SIDE = 6
"cells along a side of the board of rush_hour"


def reference_of(name: str, entry: dict[str, Any]) -> str:
    """The text of a right answer; empty where the dataset has none."""
    metadata = entry["metadata"]
    if name == "boxnet":
        return json.dumps(boxes(metadata["initial_state"]))
    if name == "rush_hour":
        return cars(metadata["board_config"])
    if name == "graph_color":
        return json.dumps({str(vertex): color for vertex, color in metadata["possible_answer"].items()})
    if name == "propositional_logic":
        return str(metadata["example_answer"])
    if name == "rubiks_cube":
        return str(metadata["example_correct_answer"])
    return entry["answer"] if isinstance(entry["answer"], str) else ""


def boxes(state: dict[str, list[str]]) -> list[dict[str, str]]:
    """A plan that carries one box after the other to a target of its colour, along a row and then along a column."""
    plan = []
    targets: dict[str, list[tuple[float, float]]] = {}
    for cell, things in state.items():
        for thing in things:
            if thing.startswith("target_"):
                targets.setdefault(thing.removeprefix("target_"), []).append(place(cell))
    for cell, things in state.items():
        for thing in things:
            if thing.startswith("box_"):
                color = thing.removeprefix("box_")
                at, goal = place(cell), targets[color].pop()
                while at != goal:
                    ahead = step(at, goal)
                    plan.append({f"Agent[{at[0]}, {at[1]}]": f"move({thing}, square[{ahead[0]}, {ahead[1]}])"})
                    at = ahead
                plan.append({f"Agent[{at[0]}, {at[1]}]": f"move({thing}, target_{color})"})
    return plan


def place(cell: str) -> tuple[float, float]:
    row, column = cell.split("_")
    return float(row), float(column)


def step(at: tuple[float, float], goal: tuple[float, float]) -> tuple[float, float]:
    """The next square."""
    (row, column), (last_row, last_column) = at, goal
    if column != last_column:
        return row, column + (1 if last_column > column else -1)
    return row + (1 if last_row > row else -1), column


def cars(board: str) -> str:
    """The fewest single moves that bring car A to the exit, by breadth-first search."""
    found: Cars = {}
    for letter in sorted(set(re.findall("[A-Z]", board))):
        cells = [cell for cell, owner in enumerate(board) if owner == letter]
        found[letter] = (cells[0], len(cells), cells[1] - cells[0])
    walls = frozenset(cell for cell, owner in enumerate(board) if owner == "x")
    letters = tuple(found)
    start = tuple(found[letter][0] for letter in letters)
    before: dict[tuple[int, ...], tuple[tuple[int, ...], str] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if state[0] == 3 * SIDE - found["A"][1]:
            return " ".join(reversed(list(way(before, state))))
        for number, steps in moves(found, letters, state, walls):
            after = (*state[:number], state[number] + steps * found[letters[number]][2], *state[number + 1 :])
            if after not in before:
                before[after] = (state, f"{letters[number]}{steps:+d}")
                queue.append(after)
    return ""


def moves(
    found: Cars, letters: tuple[str, ...], state: tuple[int, ...], walls: frozenset[int]
) -> Iterator[tuple[int, int]]:
    """(number of a car, +1 or -1) of every move that the board allows."""
    taken = set(walls)
    for letter, first in zip(letters, state, strict=True):
        _, length, stride = found[letter]
        taken |= set(range(first, first + length * stride, stride))
    for number, first in enumerate(state):
        _, length, stride = found[letters[number]]
        last = first + (length - 1) * stride
        at, end = (first % SIDE, last % SIDE) if stride == 1 else (first // SIDE, last // SIDE)
        if at > 0 and first - stride not in taken:
            yield number, -1
        if end < SIDE - 1 and last + stride not in taken:
            yield number, 1


def way(before: dict[tuple[int, ...], tuple[tuple[int, ...], str] | None], state: tuple[int, ...]) -> Iterator[str]:
    """The moves that led to a state, the last one first."""
    while (found := before[state]) is not None:
        state, move = found
        yield move
