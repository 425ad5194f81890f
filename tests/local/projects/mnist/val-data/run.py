"""Validate the data: ten kinds of pictures, nothing outside of 0 to 1."""

import numpy

data = numpy.load("/data/digits.npz")
assert set(data["train_labels"]) == set(range(10)) == set(data["test_labels"])
for name in ("train", "test"):
    assert 0 <= data[name].min() <= data[name].max() <= 1, name
print("the data is fine")
