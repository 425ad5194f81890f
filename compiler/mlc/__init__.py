"""mlc: one YAML file describes an ML project; mlc checks it and lowers it to Argo Workflows or Kubeflow Pipelines v2."""

__version__ = "0.1.0"
