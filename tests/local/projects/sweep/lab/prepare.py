"""Split the digits into folds."""

import os

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pictures, labels = load_digits(return_X_y=True)
parts = train_test_split(pictures / 16, labels, test_size=0.5, random_state=0)
os.makedirs("/out/folds", exist_ok=True)
for name, part in zip(("train", "test", "train_labels", "test_labels"), parts, strict=True):
    numpy.save(f"/out/folds/{name}.npy", part)
with open("/out/classes", "w") as file:
    print(len(set(labels)), file=file)
