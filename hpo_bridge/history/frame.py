"""A study's trials as a pandas data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..contracts.record import TrialRecord
from ..contracts.requirements import needs
from ..errors import HpoBridgeError
from .table import column_names, row_maker

if TYPE_CHECKING:
    import pandas


def to_frame(
    trials: Sequence[TrialRecord], objectives: Sequence[str], params: Sequence[str]
) -> pandas.DataFrame:
    """Return one row per trial; see :meth:`hpo_bridge.Study.to_pandas`.

    Raises:
        HpoBridgeError: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise HpoBridgeError(f"to_pandas {needs('pandas')}") from None
    rows = [make(trial) for make in [row_maker(objectives)] for trial in trials]
    names = column_names(objectives, params)
    frame = pandas.DataFrame({name: [row.get(name) for row in rows] for name in names})
    for moment in ("started", "finished"):
        frame[moment] = pandas.to_datetime(frame[moment], unit="s", utc=True)
    return frame
