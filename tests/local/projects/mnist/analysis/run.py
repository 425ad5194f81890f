"""Judge the model: accuracy, confusion matrix, and the two files that a UI shows."""

import json
import os
import pickle

import numpy
from sklearn.metrics import accuracy_score, confusion_matrix

assert os.environ["MANAGE_URL"].startswith("http")
with open("/model/index.pickle", "rb") as file:
    index = pickle.load(file)
truth = numpy.load("/data/digits.npz")["test_labels"]
found = index.predict(numpy.load("/data/embedded.npz")["test"])
accuracy = float(accuracy_score(truth, found))
print(f"accuracy {accuracy:.4f}")
with open("/accuracy.json", "w") as file:
    json.dump(accuracy, file)
with open("/mlpipeline-metrics.json", "w") as file:
    json.dump({"metrics": [{"name": "accuracy-score", "numberValue": accuracy, "format": "PERCENTAGE"}]}, file)
numpy.savetxt("/confusion_matrix.csv", confusion_matrix(truth, found), fmt="%d", delimiter=",")
with open("/mlpipeline-ui-metadata.json", "w") as file:
    json.dump({"outputs": [{"type": "table", "storage": "inline", "format": "csv", "source": "label,count"}]}, file)
