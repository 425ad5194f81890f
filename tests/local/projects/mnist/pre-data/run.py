"""Collect the data: scikit-learn's digits, 1,797 pictures of 8 x 8 pixels, in two halves."""

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pictures, labels = load_digits(return_X_y=True)
halves = train_test_split(pictures / 16, labels, test_size=0.5, random_state=0, stratify=labels)
numpy.savez("/data/digits.npz", **dict(zip(("train", "test", "train_labels", "test_labels"), halves, strict=True)))
print(f"{len(pictures)} pictures")
