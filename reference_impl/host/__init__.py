"""The reference host: an AI application over several servers.

from reference_impl.host import Host, read_configuration
"""

from reference_impl.host.configuration import HostConfiguration, read_configuration
from reference_impl.host.errors import ConfigurationError, HostError, ModelError, NothingFits, PlanError
from reference_impl.host.host import Execution, Host, HostOptions
from reference_impl.host.matching import MatchingPlanner
from reference_impl.host.model import Model, ModelSettings
from reference_impl.host.model_planner import ModelPlanner
from reference_impl.host.plan import Plan, Step, read_plan
from reference_impl.host.planner import Assignment, FixedPlanner, Planner
from reference_impl.host.questions import Questions
from reference_impl.host.running import Outcome

__all__ = [
    "Assignment",
    "ConfigurationError",
    "Execution",
    "FixedPlanner",
    "Host",
    "HostConfiguration",
    "HostError",
    "HostOptions",
    "MatchingPlanner",
    "Model",
    "ModelError",
    "ModelPlanner",
    "ModelSettings",
    "NothingFits",
    "Outcome",
    "Plan",
    "PlanError",
    "Planner",
    "Questions",
    "Step",
    "read_configuration",
    "read_plan",
]
