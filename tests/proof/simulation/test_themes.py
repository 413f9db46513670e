"""Themes: what belongs together is drawn together, and staff have something to do."""

from collections import Counter

from proof.simulation.faults import PROFILES
from proof.simulation.plans import plan
from proof.simulation.room import run_seed
from proof.simulation.themes import LATER, PLAIN, THEMES, theme_of, twisted_by_errands

HARSH = PROFILES["harsh"]


def test_most_of_the_harsh_seeds_have_a_theme_and_no_others() -> None:
    drawn = Counter(theme_of(seed, HARSH).name for seed in range(1000))
    assert 200 < drawn[PLAIN.name] < 400
    assert all(drawn[theme.name] > 60 for theme in (*THEMES, *LATER))
    assert {theme_of(seed, PROFILES["mild"]) for seed in range(100)} == {PLAIN}


def test_a_theme_adds_its_faults_behind_the_others_and_within_the_time() -> None:
    for seed in range(200):
        theme, faults = theme_of(seed, HARSH), plan(seed, HARSH)
        before = len(faults) - len(theme.twists) - len(twisted_by_errands(seed, HARSH))
        ours = faults[before : before + len(theme.twists)]
        assert [fault.kind for fault in ours] == [twist.kind for twist in theme.twists]
        assert all(0 <= fault.at <= fault.until <= HARSH.span for fault in ours)


def test_staff_have_parcels_tried_again_and_give_some_up() -> None:
    busy = [seed for seed in range(5000, 5100) if theme_of(seed, HARSH) is THEMES[1]][:4]
    done: Counter[str] = Counter()
    for seed in busy:
        result = run_seed(seed, "harsh")
        assert result.good, (seed, result.violations)
        for move, count in result.transitions.items():
            done[move.partition(" + ")[2]] += count
    assert done["retried"]
    assert done["given_up"]
