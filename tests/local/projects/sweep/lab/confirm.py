"""Train the winner's settings again with another seed; is it as good as before?"""

import argparse
import os
import pickle

import numpy
from sklearn.base import clone

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()
with open("/in/candidate.onnx", "rb") as file:
    winner = pickle.load(file)["model"]
again = clone(winner).set_params(random_state=options.seed)
again.fit(numpy.load("/in/folds/train.npy"), numpy.load("/in/folds/train_labels.npy"))
test = numpy.load("/in/folds/test.npy"), numpy.load("/in/folds/test_labels.npy")
holds = again.score(*test) > winner.score(*test) - 0.05
os.makedirs("/out", exist_ok=True)
with open("/out/holds", "w") as file:
    file.write("true" if holds else "false")
