"""Three models, each with its own parameters, and the data that they learn."""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def load():
    """569 tumours, 30 measurements of each, and whether it is benign."""
    return load_breast_cancer(return_X_y=True)


def build(params):
    """The estimator of a trial: which one, and then only the parameters that it has."""
    own = {name: value for name, value in params.items() if name != "model"}
    if params["model"] == "svm":
        return make_pipeline(StandardScaler(), SVC(**own))
    if params["model"] == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(**own, max_iter=1000))
    return HistGradientBoostingClassifier(**own, random_state=0)
