"""What references answered already is kept by its arguments, and nobody notices."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from photgrader.exercise.recall import EnoughAsked, Recall


def asked(recall: Recall, calls: list, answer=lambda *a, **k: len(a)):
    def function(*args, **named):
        calls.append((args, named))
        return answer(*args, **named)

    return lambda *args, **named: recall(function, *args, **named)


def test_the_same_arguments_are_answered_once_and_others_by_themselves():
    calls: list = []
    image = np.arange(12.0).reshape(3, 4)
    answer = lambda *args, **named: (image.sum(), np.array([1, 2]))  # noqa: E731
    recall, function = Recall(), None
    function = asked(recall, calls, answer)
    function(image, 3, 2.0)
    function(image.copy(), 3, 2.0)
    assert len(calls) == 1
    # Another value, type, shape, order in memory with other numbers, or name of an argument is another question.
    for args, named in [
        ((image + 1, 3, 2.0), {}),
        ((image.astype("f4"), 3, 2.0), {}),
        ((image.reshape(4, 3), 3, 2.0), {}),
        ((image, 3.0, 2.0), {}),
        ((image, True, 2.0), {}),
        ((image, 3), {"width": 2.0}),
        ((image, 3), {"sigma": 2.0}),
        ((image, [3, 2.0]), {}),
        ((image, (3, 2.0)), {}),
        ((image, np.float64(3), 2.0), {}),
        ((image, None, "2.0"), {}),
    ]:
        before = len(calls)
        function(*args, **named)
        function(*args, **named)
        assert len(calls) == before + 1, (args, named)


def test_two_functions_do_not_share_answers():
    recall, image = Recall(), np.ones(3)
    assert recall(np.sum, image) == 3 and recall(np.max, image) == 1 and recall(np.sum, image) == 3


def test_who_asked_may_write_into_the_answer_and_into_the_arguments():
    recall, image = Recall(), np.zeros(4)
    twice = lambda x: [x * 2, x]  # noqa: E731
    first = recall(twice, image)
    first[0][:], image[:] = 7, 1
    assert np.all(recall(twice, np.zeros(4))[0] == 0)
    second = recall(twice, np.zeros(4))
    second[0][:] = 9
    assert np.all(recall(twice, np.zeros(4))[0] == 0)
    assert np.all(recall(twice, image)[0] == 2)


@pytest.mark.parametrize("odd", [object(), np.array([object()]), {"a": 1}, np.ma.array([1.0]), np.array(["a"])])
def test_other_kinds_of_arguments_and_answers_are_not_kept(odd):
    recall, calls = Recall(), []
    as_argument, as_answer = asked(recall, calls), asked(recall, calls, lambda x: odd)
    for _ in range(2):
        assert as_argument(odd) == 1
        assert as_answer(1.0) is odd
    assert len(calls) == 4 and recall.held == 0


def test_a_call_that_stops_is_not_kept():
    recall, calls = Recall(), []
    function = asked(recall, calls, lambda x: 1 / x)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            function(0)
    assert len(calls) == 2


def test_it_holds_no_more_than_it_may_and_forgets_what_was_asked_for_longest_ago():
    recall, calls = Recall(at_most=100_000), []
    function = asked(recall, calls, lambda x: x)
    for number in range(20):
        function(np.full(1000, float(number)))
        function(np.zeros(1000))
        assert recall.held <= 100_000
    assert len(calls) == 20, "what is asked for again and again stays"
    function(np.ones(1000))
    assert len(calls) == 21
    function(np.zeros(10**6))
    assert recall.held == 0, "larger than all that may be kept"


def test_no_more_questions_are_answered_than_are_of_interest():
    recall = Recall()
    with recall.questions(2):
        recall(abs, -1), recall(abs, -1)
        with pytest.raises(EnoughAsked):
            recall(abs, -1)
    assert [recall(abs, -n) for n in range(5)] == list(range(5))


def test_of_a_mistake_that_was_stopped_nothing_is_kept_however_it_ends(monkeypatch):
    from photgrader.exercise import definition, load_assignment
    from support import ASSIGNMENT

    exercise = load_assignment(ASSIGNMENT).exercises["centroid"]
    case, key = exercise.spec(1.0, fingerprints=False).cases[0], next(iter(exercise.misconceptions))

    def asks_on(self: object, function: object, forms: object) -> list[int]:
        answers = []
        for k in range(5):
            with contextlib.suppress(Exception):
                answers.append(definition._recall(abs, -k))
        return answers

    monkeypatch.setattr(definition.Exercise, "run", asks_on)
    case.fingerprints.clear()
    exercise.fingerprint(case, [key], 3)
    assert key not in case.fingerprints
    exercise.fingerprint(case, [key], 5)
    assert case.fingerprints[key] == [0, 1, 2, 3, 4]
    case.fingerprints.clear()
