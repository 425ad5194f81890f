"""Train a candidate: a network of the item's form, with the item's rate."""

import argparse
import json
import os
import pickle

import numpy

from lab import network

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
for name in ("depth", "width", "epochs", "classes"):
    parser.add_argument(f"--{name}", type=int, required=True)
parser.add_argument("--name", required=True)
parser.add_argument("--layers", type=json.loads, required=True)
options = parser.parse_args()
assert json.loads(os.environ["NET"]) == {"depth": options.depth, "width": options.width, "name": options.name}
assert options.classes == 10
assert os.path.isdir("/dev/shm")

layers = [options.width] * (options.depth // 4) + options.layers
pictures, labels = numpy.load("/in/folds/train.npy"), numpy.load("/in/folds/train_labels.npy")
weights = network.trained(pictures, labels, layers, options.lr, options.epochs, seed=0)
print(f"{options.name} at {options.lr}: {network.accuracy(weights, pictures, labels):.4f} of what it has seen")
os.makedirs("/out", exist_ok=True)
with open("/out/candidate.onnx", "wb") as file:
    pickle.dump({"weights": weights, "lr": options.lr, "layers": layers, "epochs": options.epochs}, file)
with open("/out/parameters", "w") as file:
    file.write(str(network.size(weights)))
