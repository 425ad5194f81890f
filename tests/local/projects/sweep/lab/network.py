"""A small network in numpy alone: a sweep starts it so often that the import of a larger library would be most of its time."""

import itertools

import numpy

KINDS = 10


def trained(pictures, labels, layers, rate, epochs, seed):
    """Weights of a network with these hidden layers, by gradient descent with momentum."""
    random = numpy.random.default_rng(seed)
    sizes = [pictures.shape[1], *layers, KINDS]
    weights = [random.normal(0, numpy.sqrt(2 / before), (before, after)) for before, after in itertools.pairwise(sizes)]
    moving = [numpy.zeros_like(weight) for weight in weights]
    wanted = numpy.eye(KINDS)[labels]
    for _ in range(epochs):
        for batch in numpy.array_split(random.permutation(len(pictures)), max(1, len(pictures) // 50)):
            passed = [pictures[batch]]
            for weight in weights[:-1]:
                passed.append(numpy.maximum(passed[-1] @ weight, 0))
            error = (shares(passed[-1] @ weights[-1]) - wanted[batch]) / len(batch)
            for number in reversed(range(len(weights))):
                gradient = passed[number].T @ error
                error = (error @ weights[number].T) * (passed[number] > 0)
                moving[number] = 0.9 * moving[number] - rate * numpy.clip(gradient, -1, 1)
                weights[number] = weights[number] + moving[number]
    return weights


def shares(scores):
    """Scores as shares of one."""
    powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def accuracy(weights, pictures, labels):
    """The share of pictures that the network names rightly."""
    for weight in weights[:-1]:
        pictures = numpy.maximum(pictures @ weight, 0)
    return float(((pictures @ weights[-1]).argmax(axis=1) == labels).mean())


def size(weights):
    """How many parameters the network has."""
    return sum(weight.size for weight in weights)
