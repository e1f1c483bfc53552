"""How a signal is represented: one registered model a file. `get_model("Siren")` gives its class."""

from models.base import Representation, registry

__all__ = ["Representation", "get_model", "registry"]


def get_model(name: str) -> type[Representation]:
    """The model class registered as `name`; an unknown name is a UsageError that offers a close one."""
    return registry.get(name)
