"""Train a detector: which threshold of brightness finds the digits best. The backbone blurs the picture first."""

import argparse
import json
import os

import numpy

parser = argparse.ArgumentParser()
for name in ("images", "backbone", "annotations", "onnx"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--epochs", type=int, required=True)
options = parser.parse_args()

with open(options.annotations) as file:
    boxes = {entry["image_id"]: entry["bbox"] for entry in json.load(file)["annotations"]}
with open(options.backbone) as file:
    kernel = numpy.array(json.load(file))


def blurred(picture):
    rows = numpy.apply_along_axis(numpy.convolve, 0, picture, kernel, "same")
    return numpy.apply_along_axis(numpy.convolve, 1, rows, kernel, "same")


pictures = {number: blurred(numpy.load(os.path.join(options.images, f"{number:04}.npy"))) for number in boxes}
best = (0.0, 0.0)
for epoch in range(options.epochs):
    bound = (epoch + 1) / (options.epochs + 1)
    hits = 0
    for number, (left, top, width, height) in boxes.items():
        bright = numpy.argwhere(pictures[number] > bound)
        if len(bright):
            row, column = bright.mean(axis=0)
            hits += abs(row - top - height / 2) < 2 and abs(column - left - width / 2) < 2
    best = max(best, (hits / len(boxes), bound))
    print(f"epoch {epoch + 1} found {hits} of {len(boxes)}", flush=True)
os.makedirs(os.path.dirname(options.onnx), exist_ok=True)
with open(options.onnx, "w") as file:
    json.dump({"found": best[0], "bound": best[1]}, file)
