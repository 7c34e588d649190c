"""scikit-optimize's quantile regressor, repaired for current scikit-learn and numpy.

In scikit-optimize 0.10.2 the class ``GradientBoostingQuantileRegressor``

* lists its mixin after ``BaseEstimator``, so that scikit-learn 1.7 and later does not take
  it for a regressor and ``Optimizer`` refuses it;
* calls ``numpy.in1d``, which numpy 2.4 removed.

Both are mended in a subclass; the library's own class stays as it is.
"""

from __future__ import annotations

from typing import Any

from sklearn.utils import RegressorTags
from skopt.learning import GradientBoostingQuantileRegressor


class QuantileRegressor(GradientBoostingQuantileRegressor):  # type: ignore[misc]
    """The same fits and predictions, to the last bit.

    Example:
        >>> from sklearn.base import is_regressor
        >>> is_regressor(QuantileRegressor())
        True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        return tags

    def predict(self, X: Any, return_std: bool = False, return_quantiles: bool = False) -> Any:
        """The median; with ``return_std`` also half of the range of the middle 68 percent.

        Args:
            X: Points, of shape (n, features).
            return_std: Whether to return a pair of arrays: medians and deviations.
            return_quantiles: Whether to return all quantiles, of shape (n, quantiles).

        Raises:
            ValueError: With ``return_std``, if the quantiles are others.
        """
        if return_quantiles or not return_std:
            return super().predict(X, return_quantiles=return_quantiles)
        if not {0.16, 0.5, 0.84} <= set(self.quantiles):
            raise ValueError("return_std needs the quantiles 0.16, 0.5 and 0.84")
        low, median, high = (
            self.regressors_[self.quantiles.index(q)].predict(X) for q in (0.16, 0.5, 0.84)
        )
        return median, (high - low) / 2.0
