"""Whether an effect differs between segments."""

from collections.abc import Sequence
from math import inf, isfinite, nan


def heterogeneity(
    differences: Sequence[float], ses: Sequence[float], dfs: Sequence[float] | None = None
) -> float:
    """P-value of one effect in all segments: Cochran's Q.

    `Q = sum (d - mean d)^2 / se^2` about the precision-weighted mean, against chi-square with k - 1
    degrees of freedom (Cochran 1954). That takes standard errors as known: with few units a
    segment it finds differences too often, so with `dfs` Welch's F takes its place (Welch 1951),
    which is the same for large ones.

    Args:
        differences: effect in each segment.
        ses: their standard errors.
        dfs: degrees of freedom of the standard errors.

    Returns:
        NaN with fewer than two segments that have a difference and a standard error above 0;
        others do not count.

    Raises:
        ValueError: unless all are of one length.

    >>> round(heterogeneity([0.1, 0.9], [0.2, 0.2]), 4)
    0.0047
    """
    degrees = [inf] * len(ses) if dfs is None else list(dfs)
    if not len(differences) == len(ses) == len(degrees):
        raise ValueError(
            f"{len(differences)} differences, {len(ses)} standard errors, {len(degrees)} degrees "
            "of freedom; give one of each a segment"
        )
    used = [
        (d, 1 / se**2, df)
        for d, se, df in zip(differences, ses, degrees, strict=True)
        if isfinite(d) and isfinite(se) and se > 0 and df > 0
    ]
    k = len(used)
    if k < 2:
        return nan
    total = sum(w for _, w, _ in used)
    centre = sum(w * d for d, w, _ in used) / total
    q = sum(w * (d - centre) ** 2 for d, w, _ in used)
    uncertain = sum((1 - w / total) ** 2 / df for _, w, df in used)
    if uncertain == 0:
        from scipy.special import chdtrc

        return float(chdtrc(k - 1, q))
    from scipy.special import fdtrc

    f = q / (k - 1) / (1 + 2 * (k - 2) / (k * k - 1) * uncertain)
    return float(fdtrc(k - 1, (k * k - 1) / (3 * uncertain), f))
