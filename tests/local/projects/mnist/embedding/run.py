"""Embed both halves of the data."""

import numpy

data, model = numpy.load("/data/digits.npz"), numpy.load("/model/embedding.npz")
embedded = {name: (data[name] - model["mean"]) @ model["components"].T for name in ("train", "test")}
numpy.savez("/data/embedded.npz", **embedded)
