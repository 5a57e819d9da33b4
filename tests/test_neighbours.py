"""Nearest neighbours, and the classifier that asks them."""

import numpy as np

from repertoire.metrics.neighbours import NeighbourClassifier, Rules, nearest


def test_the_nearest_are_those_of_all_distances_in_order():
    rng = np.random.default_rng(3)
    points, among = rng.standard_normal((5, 7)), rng.standard_normal((23, 7))
    distances, places = nearest(points, among, 3)
    every = np.linalg.norm(points[:, None] - among, axis=2)
    assert np.array_equal(places, np.argsort(every, axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :3])


def test_a_picture_is_accepted_if_it_is_near_and_its_neighbours_agree():
    # Three of one class around 0, three of two classes around 10: 1 from each other at most.
    known = np.array([[-1.0], [0.0], [0.2], [9.8], [10.0], [10.2]])
    labels = np.array([4, 4, 4, 1, 2, 1])
    classifier = NeighbourClassifier(known, labels, Rules(3, agreeing=3, accepted=1.0))
    assert classifier.percent(np.array([[1.1]])) == 100
    assert classifier.percent(np.array([[1.3]])) == 0  # too far
    assert classifier.percent(np.array([[10.0]])) == 0  # they do not agree
    assert classifier.percent(np.array([[1.1], [10.0], [0.0], [1.3]])) == 50
