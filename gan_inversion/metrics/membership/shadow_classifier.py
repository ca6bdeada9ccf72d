"""A classifier that was trained on the shadows' signals."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from gan_inversion.metrics.membership.signals import in_unit_range, several


def shadow_classifier(
    target: np.ndarray, shadows: np.ndarray, membership: np.ndarray
) -> np.ndarray:
    """A classifier of members, trained on the shadows' signals of all images together.

    Shokri et al., "Membership Inference Attacks Against Machine Learning Models", IEEE S&P 2017;
    here a logistic regression on the signals' powers up to the third and their products. It has no
    intercept and gives members and non-members the same weight: otherwise the number of members
    among the shadows, which depends on that of the target, would shift the scores of one target
    against those of another, and all are pooled.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).

    Returns:
        float (N,), its logit.
    """
    target, shadows = in_unit_range(several(target), several(shadows, axes=3))
    logistic = LogisticRegression(class_weight="balanced", fit_intercept=False)
    powers = PolynomialFeatures(3, include_bias=False)
    classifier = make_pipeline(StandardScaler(), powers, StandardScaler(), logistic)
    scores = np.empty(len(target))
    half = np.arange(len(target)) % 2 == 0
    # Each half of the images is scored by a classifier that was fitted to the other half.
    for scored, fitted in ((half, ~half), (~half, half)):
        classifier.fit(shadows[fitted].reshape(-1, target.shape[1]), membership[fitted].ravel())
        scores[scored] = classifier.decision_function(target[scored])
    return scores
