"""The metadata of a stored victim: what they may say, and nothing else."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from attack.data.dataset import NAMES, DataInfo
from attack.victims.config import VictimConfig, check_config

REMEDY = "pass a .safetensors file that attack train wrote"
LARGEST = 2**31
"""Sides of pictures and numbers of samples are smaller."""


class VictimRecord(BaseModel):
    """Configuration and origin of the data; entries are of their declared types exactly."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    config: VictimConfig
    data: DataInfo
    seconds: float


def read_record(text: str) -> VictimRecord:
    """Return the record in a JSON text that is not trusted; ValueError if an entry cannot be."""
    try:
        record = VictimRecord.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"])) or "metadata"
        raise ValueError(
            f"found {name!r:.80} {first['input']!r:.80}: {first['msg']}; {REMEDY}"
        ) from error
    found = json.loads(text)
    for part, entries in record.model_dump(mode="json").items():
        if entries != found.get(part):  # a default has taken the place of an entry
            raise ValueError(f"found {part!r} without the right entries; {REMEDY}")
    data = record.data
    known = data.name in NAMES and data.classes in {2, 10}
    known = known and data.classes <= data.n < LARGEST and 0 <= data.seed < 2**63
    shape = len(data.shape) in {2, 3} and all(0 < side < LARGEST for side in data.shape)
    if not known or not shape:
        raise ValueError(f"found the data {str(data)[:200]}, which cannot be; {REMEDY}")
    check_config(record.config, data.classes)
    return record
