"""The read side: read models, views as of any moment, and the replay of rules."""

from projections.polars_settings import tell_polars

tell_polars()
