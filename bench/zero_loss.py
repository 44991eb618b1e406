# The search of RFC 2544 section 26.1: the highest rate at which a trial loses nothing. Pure logic; what a trial is, the
# caller says.
import dataclasses

REPEATS, ALL_REPEATS = 3, 8  # of a trial, and of all trials of a search: a busy machine does not make it endless


@dataclasses.dataclass
class Verdict:
    """What became of one trial."""
    passed: bool                # nothing was lost
    achieved: float             # packets a second that were really offered
    disturbed: bool = False     # somebody else had the worker's core meanwhile: a loss may be theirs
    enough: bool = True         # the generator offered what it was told to


@dataclasses.dataclass
class Found:
    rate: float                 # of the best trial that passed; 0 where none did
    trials: int
    disturbed: int              # trials whose loss was put down to others and repeated
    limit: str                  # what stopped the search: "loss", "generator", "ceiling" or "disturbed"


def search(trial, ceiling, resolution):
    """Halves between what passed and what did not, from `ceiling` (a second) down, until the two are within
    `resolution` of the upper one. A trial that lost while it was disturbed, or for which the generator did not offer enough,
    is repeated, up to REPEATS times for a rate."""
    low, high, found = 0.0, ceiling, Found(0.0, 0, 0, "loss")
    rate, undisturbed_loss = ceiling, False
    while True:
        verdict = settle(trial, rate, found)
        if verdict.passed:
            found.rate, low = max(found.rate, verdict.achieved), rate
            if not verdict.enough:
                found.limit = "generator"
                return found
            if rate >= ceiling:
                found.limit = "ceiling"
                return found
        else:
            undisturbed_loss |= not verdict.disturbed
            high = rate
        if high - low <= resolution * high or high < ceiling / 1000:
            found.limit = "loss" if undisturbed_loss else "disturbed"
            return found
        rate = (low + high) / 2


def settle(trial, rate, found):
    for again in range(REPEATS, -1, -1):
        verdict = trial(rate)
        found.trials += 1
        if not again or found.disturbed >= ALL_REPEATS or (verdict.enough if verdict.passed else not verdict.disturbed):
            return verdict
        found.disturbed += 1
    raise AssertionError("not reached")


def percentile(weighted, fraction):
    """Of (value, how many) in the order of the values: the value that `fraction` of all are not above."""
    total = sum(count for _, count in weighted)
    reached = 0
    for value, count in weighted:
        reached += count
        if reached >= fraction * total:
            return value
    return weighted[-1][0] if weighted else 0
