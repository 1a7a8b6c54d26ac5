"""A wrong clock for one process, at every place Python code may read it."""

import datetime as dt
import time


def skew_python(seconds: float) -> None:
    """Shift `time.time`, `time.time_ns` and `datetime.now` for whatever is imported afterwards."""
    real_time, real_time_ns, real_datetime = time.time, time.time_ns, dt.datetime

    class AnyDatetime(type):
        """Takes every datetime for one of its own, wherever it was made."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real_datetime)

    class Skewed(real_datetime, metaclass=AnyDatetime):
        """A datetime whose present is another one."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Skewed":
            """Return the wrong time."""
            return cls.fromtimestamp(real_time() + seconds, tz)

        @classmethod
        def utcnow(cls) -> "Skewed":
            """Return the wrong time."""
            return cls.fromtimestamp(real_time() + seconds, dt.UTC).replace(tzinfo=None)

    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_time_ns() + int(seconds * 1e9)
    dt.datetime = Skewed  # type: ignore[misc]
