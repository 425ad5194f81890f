"""Prepare the data: pictures of digits in a folder, and a COCO file that says where on them a digit is."""

import argparse
import json
import os

import numpy
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--images", required=True)
parser.add_argument("--annotations", required=True)
options = parser.parse_args()

random = numpy.random.default_rng(0)
digits = load_digits().images[:300] / 16
entries = []
for number, digit in enumerate(digits):
    top, left = (int(at) for at in random.integers(0, 17, size=2))
    picture = random.uniform(0, 0.15, size=(24, 24))
    picture[top : top + 8, left : left + 8] += digit
    numpy.save(os.path.join(options.images, f"{number:04}.npy"), picture)
    entries.append({"image_id": number, "bbox": [left, top, 8, 8]})
os.makedirs(os.path.dirname(options.annotations), exist_ok=True)
with open(options.annotations, "w") as file:
    json.dump({"annotations": entries}, file)
