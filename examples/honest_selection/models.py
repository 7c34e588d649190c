"""Sixty patients to learn from, and all others to find out how good the choice really is."""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

PATIENTS = 60

model = make_pipeline(StandardScaler(), SelectKBest(), SVC())


def split(draw=0):
    """The training and the test data of one draw of patients: is the disease worse than usual?"""
    X, progression = load_diabetes(return_X_y=True)
    y = (progression > np.median(progression)).astype(int)
    order = np.random.default_rng(draw).permutation(len(y))
    few, rest = order[:PATIENTS], order[PATIENTS:]
    return (X[few], y[few]), (X[rest], y[rest])


def train():
    return split()[0]


def test():
    return split()[1]
