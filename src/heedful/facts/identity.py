"""Which id turned out to be which customer, followed to the end of every chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def resolve(links: pa.Table) -> pa.Table:
    """Follow links from alias to customer until there is none left.

    A chain a -> b -> c gives c for a and for b. Ids that point at each other in a circle are
    all the one that sorts first. Of several links of one alias the newest counts, then the one
    whose customer sorts first. All links are followed at once by pointer doubling, so the work
    grows with the logarithm of the longest chain.

    Args:
        links: Columns `alias_id`, `customer_id`, `seen_at`.

    Returns:
        Columns `alias` and `customer`, one row an alias that is not its own customer.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    order = [("alias_id", "ascending"), ("seen_at", "descending"), ("customer_id", "ascending")]
    links = links.sort_by(order)
    ids = pc.unique(
        pa.chunked_array(links["alias_id"].chunks + links["customer_id"].chunks, pa.string())
    ).drop_null()
    ids = ids.take(pc.sort_indices(ids))
    alias = pc.index_in(links["alias_id"], ids).to_numpy()
    customer = pc.index_in(links["customer_id"], ids).to_numpy()
    first = np.ones(len(alias), dtype=bool)
    first[1:] = alias[1:] != alias[:-1]
    next_id = np.arange(len(ids))
    next_id[alias[first]] = customer[first]
    least = np.arange(len(ids))
    for _ in range(max(1, len(ids).bit_length())):
        least = np.minimum(least, least[next_id])
        next_id = next_id[next_id]
    # Whoever is far enough along a chain stands at its end or in a circle; `least` of an end
    # is the end itself, `least` of a member of a circle is the circle's first.
    final = least[next_id]
    moved = np.flatnonzero(final != np.arange(len(ids)))
    customers = ids.take(pa.array(final[moved]))
    return pa.table({"alias": ids.take(pa.array(moved)), "customer": customers})
