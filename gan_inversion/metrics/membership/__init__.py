"""Membership inference: was this image among those that an inverter was trained on?

An attack is given signals only, never a model. Signals are numbers that say how the audited
inverter (the *target model*) behaves on each image, and how other models do (the *shadow models*),
whose training images are known. Larger signals and larger scores mean "more likely a member". There
is one signal for each image, (N,) of the target and (N, M) of M shadows, or there are K of them,
(N, K) and (N, M, K).
"""

from functools import partial

from gan_inversion.metrics.membership.base import base
from gan_inversion.metrics.membership.bavaria import bavaria
from gan_inversion.metrics.membership.calibrated import calibrated
from gan_inversion.metrics.membership.informia import informia
from gan_inversion.metrics.membership.lira import lira
from gan_inversion.metrics.membership.quantile import (
    FEWEST_KNOWN,
    quantile_regression,
    without_shadows,
)
from gan_inversion.metrics.membership.rmia import rmia
from gan_inversion.metrics.membership.shadow_classifier import shadow_classifier
from gan_inversion.metrics.membership.signals import FEWEST, LARGEST, Attack
from gan_inversion.metrics.membership.threshold import threshold

__all__ = [
    "ATTACKS",
    "FEWEST",
    "FEWEST_KNOWN",
    "LARGEST",
    "TWO_NEEDED",
    "Attack",
    "base",
    "bavaria",
    "calibrated",
    "informia",
    "lira",
    "quantile_regression",
    "rmia",
    "shadow_classifier",
    "threshold",
    "without_shadows",
]

ATTACKS: dict[str, Attack] = {
    "threshold": threshold,
    "shadow_classifier": shadow_classifier,
    "calibrated": calibrated,
    "lira_online": lira,
    "lira_online_fixed": partial(lira, fixed_variance=True),
    "lira_offline": partial(lira, online=False),
    "lira_offline_fixed": partial(lira, online=False, fixed_variance=True),
    "rmia_online": rmia,
    "rmia_offline": partial(rmia, online=False),
    "informia_online": informia,
    "informia_offline": partial(informia, online=False),
    "base_online": base,
    "base_offline": partial(base, online=False),
    "bavaria_online": bavaria,
    "bavaria_online_gaussian": partial(bavaria, student=False),
    "bavaria_offline": partial(bavaria, online=False),
}
TWO_NEEDED = ("lira_online", "lira_offline")  # estimate a variance from the shadows of one image
