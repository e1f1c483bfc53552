"""What a class declares, held to its contract, so that a slip in a file of one's own is told when it is loaded."""

import inspect
import types
import typing
from typing import Any, ClassVar, Literal

from common.files import PACKAGES


def check_declarations(cls: type, contract: type) -> None:
    """ValueError where a class is no subclass of its contract, or does not keep to what its bases in the suite say: a
    ClassVar that it lacks or that is of another type, a class method that lacks its decorator."""
    if not issubclass(cls, contract):
        raise ValueError(f"{cls.__name__} must be a subclass of {contract.__name__} ({contract.__module__})")
    for base in cls.__mro__[1:]:
        if base.__module__.partition(".")[0] in PACKAGES:
            for name, kind in inspect.get_annotations(base).items():
                if typing.get_origin(kind) is ClassVar:
                    _check_attribute(cls, name, typing.get_args(kind)[0])
            for name, member in vars(base).items():
                if isinstance(member, classmethod) and inspect.isfunction(inspect.getattr_static(cls, name)):
                    raise ValueError(f"{cls.__name__}.{name} needs @classmethod before it, as {base.__name__}'s has")


def _check_attribute(cls: type, name: str, kind: Any) -> None:
    must = str(kind).replace("typing.", "") if typing.get_origin(kind) else kind.__name__
    if not hasattr(cls, name):
        raise ValueError(f"{cls.__name__} needs {name}, a class attribute of type {must}")
    if not _is(getattr(cls, name), kind):
        raise ValueError(f"{cls.__name__}.{name} must be of type {must}, got {getattr(cls, name)!r}")


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a type: a class, a Literal, a union, or a tuple of as many as there are of one of these."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    if origin in (types.UnionType, typing.Union):
        return any(_is(value, one) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is(one, arguments[0]) for one in value)
    return isinstance(value, (int, float) if kind is float else kind)
