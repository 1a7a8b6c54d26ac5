"""A simulated sales organisation: people who sell for a year through the command bus, the same way in for everybody."""

from consumers.simulator.departments import following
from consumers.simulator.desk import SimulationStopped
from consumers.simulator.leads import simulate_leads
from consumers.simulator.scenario import Scenario, Summary
from consumers.simulator.simulation import simulate

__all__ = ["Scenario", "SimulationStopped", "Summary", "following", "simulate", "simulate_leads"]
