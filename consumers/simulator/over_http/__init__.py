"""The simulated organisation as a client of the HTTP service: the same commands, in the same order where order matters."""

from consumers.simulator.over_http.bus import HttpBus
from consumers.simulator.over_http.faults import Fault, Faults
from consumers.simulator.over_http.playing import Played, play
from consumers.simulator.over_http.telling import Told
from consumers.simulator.over_http.wire import Address

__all__ = ["Address", "Fault", "Faults", "HttpBus", "Played", "Told", "play"]
