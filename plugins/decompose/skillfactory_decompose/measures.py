"""Measures: what a response shows of the skill. Each is read from the text alone: None is 'not the case here'."""

from collections.abc import Callable, Iterator, Mapping

from skillfactory_core.tags import TagFormat
from skillfactory_decompose.claim import claim
from skillfactory_decompose.split import same_goal, serves
from skillfactory_decompose.tags import Body, Subgoals


def bodies(text: str, tags: TagFormat) -> list[Body]:
    """The attempts that state subgoals; in another tag format none does."""
    return [body for body in tags.bodies(text) if body.goals] if isinstance(tags, Subgoals) else []


def subgoals(text: str, tags: TagFormat) -> float | None:
    """Subgoals that are stated, in all attempts together."""
    return float(sum(len(body.goals) for body in bodies(text, tags)))


def checked(text: str, tags: TagFormat) -> float | None:
    """Of the subgoals that are stated, the share of those with a step and a check of it."""
    found = bodies(text, tags)
    stated = sum(len(body.goals) for body in found)
    return sum(len(checked_goals(body)) for body in found) / stated if stated else None


def failed(text: str, tags: TagFormat) -> float | None:
    """Of the checks, the share of those that disagree with their step."""
    claims = [claim(step, check) for body in bodies(text, tags) for step, check in body.works if check is not None]
    return sum(each is False for each in claims) / len(claims) if claims else None


def done_again(text: str, tags: TagFormat) -> float | None:
    """Of the failed subgoals, the share of those that are done again at once, and otherwise."""
    again = [each for body in bodies(text, tags) for each in redone(body)]
    return sum(again) / len(again) if again else None


def in_order(text: str, tags: TagFormat) -> float | None:
    """Whether every attempt that states subgoals solves all of them in the order stated, each with a check that holds."""
    found = bodies(text, tags)
    return float(all(solved(body) for body in found)) if found else None


def checked_goals(body: Body) -> set[int]:
    """The subgoals, by place, that a step with a check serves; steps serve later ones than the steps before them."""
    places, place = set(), 0
    for step, check in body.works:
        later = [at for at in range(place, len(body.goals)) if serves(body.goals[at], step)]
        if later and check is not None:
            places.add(later[0])
            place = later[0] + (claim(step, check) is not False)
    return places


def redone(body: Body) -> Iterator[bool]:
    """For each failed work, whether the next one is another step to the same subgoal."""
    for place, (step, check) in enumerate(body.works):
        if check is not None and claim(step, check) is False:
            following = body.works[place + 1][0] if place + 1 < len(body.works) else ""
            yield following != step and same_goal(step, following)


def solved(body: Body) -> bool:
    """Whether its steps go through the subgoals in order, with checks that hold, but for failed ones before them."""
    place = 0
    for step, check in body.works:
        if place == len(body.goals) or not serves(body.goals[place], step) or check is None:
            return False
        place += claim(step, check) is True
    return place == len(body.goals)


MEASURES: Mapping[str, Callable[[str, TagFormat], float | None]] = {
    "subgoals": subgoals,
    "subgoals_checked": checked,
    "checks_that_fail": failed,
    "failed_done_again": done_again,
    "solved_in_order": in_order,
}
