"""Report what was measured, with the history that training left on the volume of the run."""

import argparse
import csv

parser = argparse.ArgumentParser()
parser.add_argument("--auroc", type=float, required=True)
parser.add_argument("--f1", type=float, required=True)
parser.add_argument("--history", required=True)
options = parser.parse_args()
with open(options.history, newline="") as file:
    losses = [float(row[1]) for row in csv.reader(file)]
assert losses[-1] < losses[0]
print(f"auroc {options.auroc:.3f}, f1 {options.f1:.3f} after {len(losses)} rounds")
