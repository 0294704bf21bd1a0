"""What every group of settings is made of."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen group of settings. A field is one setting: its docstring is its documentation.

    The first sentence says what the setting does; a further one, in units and reasons, why the
    default is what it is.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # A value that fails may be a secret in the wrong place.
        hide_input_in_errors=True,
    )


@dataclass(frozen=True)
class Named:
    """The name of a field within its section, where it is not the field's own in kebab-case.

    Empty for the field that carries the name of the section itself.
    """

    name: str


@dataclass(frozen=True)
class AtRestart:
    """Marks a setting that a reload cannot change."""
