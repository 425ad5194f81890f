"""Train a candidate: a network of the item's form, with the item's rate."""

import argparse
import json
import os
import pickle

import numpy
from sklearn.neural_network import MLPClassifier

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

layers = [options.width, *options.layers]
model = MLPClassifier(layers, learning_rate_init=options.lr, max_iter=options.epochs, random_state=0)
model.fit(numpy.load("/in/folds/train.npy"), numpy.load("/in/folds/train_labels.npy"))
print(f"{options.name} at {options.lr}: loss {model.loss_:.4f}")
os.makedirs("/out", exist_ok=True)
with open("/out/candidate.onnx", "wb") as file:
    pickle.dump({"model": model, "lr": options.lr, "layers": layers}, file)
with open("/out/parameters", "w") as file:
    file.write(str(sum(weights.size for weights in (*model.coefs_, *model.intercepts_))))
