"""Write a card about a candidate."""

import os
import pickle
import sys

with open("/in/candidate.onnx", "rb") as file:
    candidate = pickle.load(file)
os.makedirs("/out", exist_ok=True)
with open("/out/card.md", "w") as file:
    print(f"# {candidate['layers']}\n\nRate {candidate['lr']}, accuracy {sys.argv[1]}, {sys.argv[2]} parameters.", file=file)
