"""Judge a candidate on the fold that it has not seen. Its size stands in for its latency, so that every run measures the same."""

import json
import os
import pickle

import numpy

from lab import network

with open("/in/candidate.onnx", "rb") as file:
    weights = pickle.load(file)["weights"]
accuracy = network.accuracy(weights, numpy.load("/in/folds/test.npy"), numpy.load("/in/folds/test_labels.npy"))
latency = network.size(weights) / 1000
print(f"accuracy {accuracy:.4f}, latency {latency:.1f} ms")
os.makedirs("/out", exist_ok=True)
with open("/out/score", "w") as file:
    file.write(repr(accuracy))
with open("/out/metrics.json", "w") as file:
    json.dump({"test": {"accuracy": accuracy, "latency ms": latency}}, file)
