"""Deploy a detector that finds most digits."""

import json
import sys

with open(sys.argv[1]) as file:
    model = json.load(file)
assert model["found"] > 0.8, model
print(f"serving a detector with bound {model['bound']:.2f}")
