"""Gives devices to picire. Reads a JSON list of devices from its input, each with the
number of destinations "n" and the "cuts", and writes for each the destinations that
picire leaves allowed, and in how many different trials."""

import json
import sys

import picire


def explain(n, cuts):
    trials = set()

    def test(allowed, _):
        blocked = frozenset(range(n)) - set(allowed)
        if blocked:  # everything allowed is the control, which all methods have for free
            trials.add(blocked)
        fails = any(blocked.issuperset(cut) for cut in cuts)
        return picire.Outcome.PASS if fails else picire.Outcome.FAIL

    if test([], None) is picire.Outcome.FAIL:  # picire calls it a failure if what it looks for is still there
        return [], len(trials)
    return picire.DD(test)(list(range(n))), len(trials)


found = []
for device in json.load(sys.stdin):
    allowed, trials = explain(device["n"], device["cuts"])
    found.append({"allowed": allowed, "trials": trials})
json.dump(found, sys.stdout)
