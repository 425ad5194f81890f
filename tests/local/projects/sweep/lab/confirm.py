"""Train the winner's settings again with another seed; is it as good as before?"""

import argparse
import os
import pickle

import numpy

from lab import network

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()
with open("/in/candidate.onnx", "rb") as file:
    winner = pickle.load(file)
fold = numpy.load("/in/folds/train.npy"), numpy.load("/in/folds/train_labels.npy")
again = network.trained(*fold, winner["layers"], winner["lr"], winner["epochs"], options.seed)
test = numpy.load("/in/folds/test.npy"), numpy.load("/in/folds/test_labels.npy")
holds = network.accuracy(again, *test) > network.accuracy(winner["weights"], *test) - 0.05
os.makedirs("/out", exist_ok=True)
with open("/out/holds", "w") as file:
    file.write("true" if holds else "false")
