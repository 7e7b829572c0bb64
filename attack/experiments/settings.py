"""All settings of a preset with their sources, for the report."""

from __future__ import annotations

from dataclasses import dataclass, replace

from attack.descent.config import plain_config
from attack.experiments.presets import Preset


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """One line of the table of settings.

    Attributes:
        name: What.
        value: As used.
        source: Where the value comes from: a paper, published code, or a choice made here.
    """

    name: str
    value: str
    source: str


def settings_of(preset: Preset) -> list[SourcedValue]:
    """One line for each setting of data, victim, reconstruction and splitting."""
    data = f"{preset.samples} of {preset.data}, {preset.classes} classes"
    rows = [SourcedValue("data", data, preset.sources["victim"])]
    parts = {
        "victim": plain_config(preset.victim),
        "reconstruction": plain_config(replace(preset.config, splitting=None)),
        "splitting": plain_config(preset.config.splitting),
    }
    for part, values in parts.items():
        rows += [
            SourcedValue(f"{part}: {name}", _text(value), preset.sources[part])
            for name, value in values.items()
            if value is not None and name not in {"seed", "splitting"}
        ]
    return rows


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items() if v is not None)
    return f"{value:g}" if isinstance(value, float) else str(value)
