"""The same KPI by two sources that fill the same table: how far they agree, and where not."""
