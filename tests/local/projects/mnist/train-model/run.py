"""Train the embedding: the first components of the pictures."""

import numpy
from sklearn.decomposition import PCA

model = PCA(n_components=24, random_state=0).fit(numpy.load("/data/digits.npz")["train"])
numpy.savez("/model/embedding.npz", mean=model.mean_, components=model.components_)
print(f"explains {model.explained_variance_ratio_.sum():.3f}")
