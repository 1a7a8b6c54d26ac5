"""The log in columns: rule-independent fact tables in Parquet segments, and the tail of the log behind them."""
