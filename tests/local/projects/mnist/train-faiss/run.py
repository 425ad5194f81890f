"""Make the index: a search for the nearest neighbours."""

import pickle

import numpy
from sklearn.neighbors import KNeighborsClassifier

data, embedded = numpy.load("/data/digits.npz"), numpy.load("/data/embedded.npz")
index = KNeighborsClassifier(n_neighbors=3).fit(embedded["train"], data["train_labels"])
with open("/model/index.pickle", "wb") as file:
    pickle.dump(index, file)
