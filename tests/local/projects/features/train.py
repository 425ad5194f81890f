"""Train a small network on two kinds of digits and export its scores as Kubeflow Pipelines v1 did."""

import argparse
import csv
import json
import os

from sklearn.datasets import load_digits
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--num-layers", type=int, required=True)
parser.add_argument("--optimizer", required=True)
parser.add_argument("--product", type=int, required=True)
options = parser.parse_args()
assert options.product == 3000
assert os.environ["TRACKING_TOKEN"]

pictures, labels = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(pictures / 16, labels % 2, test_size=0.5, random_state=0)
model = MLPClassifier(
    (16,) * options.num_layers, solver=options.optimizer, learning_rate_init=options.learning_rate, max_iter=60, random_state=0
)
model.fit(train, train_labels)
scores = {
    "auroc": float(roc_auc_score(test_labels, model.predict_proba(test)[:, 1])),
    "f1": float(f1_score(test_labels, model.predict(test))),
}
print(scores)
with open("/mlpipeline-metrics.json", "w") as file:
    json.dump({"metrics": [{"name": name, "numberValue": score} for name, score in scores.items()]}, file)
with open("/mnt/scratch/history.csv", "w", newline="") as file:
    csv.writer(file).writerows(enumerate(model.loss_curve_))
