"""What the program says, and what the environment says where it says nothing."""

import os
import platform
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from . import limits, values

VERSION = "0.1.0"


@dataclass(frozen=True)
class Settings:
    service: str
    url: str = "http://127.0.0.1:4318"
    key: Optional[str] = None
    dataset: str = ""
    version: Optional[str] = None
    environment: Optional[str] = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    sample_rate: int = 1
    redact: Optional[Callable[[dict], Optional[dict]]] = None
    queue_events_max: int = limits.QUEUE_EVENTS_MAX
    queue_bytes_max: int = limits.QUEUE_BYTES_MAX
    batch_events_max: int = limits.BATCH_EVENTS_MAX
    batch_bytes_max: int = limits.BATCH_BYTES_MAX
    flush_seconds: float = limits.FLUSH_SECONDS
    request_seconds_max: float = limits.REQUEST_SECONDS_MAX
    exit_seconds_max: float = limits.EXIT_SECONDS_MAX


def read(service, said):
    """Settings of what was said; the environment fills in what was not."""
    environment = {
        "url": os.environ.get("OUTCROP_URL"),
        "key": os.environ.get("OUTCROP_KEY"),
        "dataset": os.environ.get("OUTCROP_DATASET"),
        "version": os.environ.get("OUTCROP_SERVICE_VERSION"),
        "environment": os.environ.get("OUTCROP_ENVIRONMENT"),
    }
    merged = {name: value for name, value in environment.items() if value}
    merged.update({name: value for name, value in said.items() if value is not None})
    merged["dataset"] = dataset_name(merged.get("dataset") or service)
    merged["sample_rate"] = max(1, int(merged.get("sample_rate", 1)))
    return Settings(service=service, **merged)


def disabled():
    return os.environ.get("OUTCROP_DISABLED", "").lower() in ("1", "true")


def dataset_name(text):
    """The name as the store takes it."""
    return "".join("-" if c in ",*/\\" else c for c in text).strip() or "unknown_service"


def constants(settings):
    """The fields of every event of this process."""
    fields = {
        "service.name": settings.service,
        "service.version": settings.version,
        "service.instance.id": str(uuid.uuid4()),
        "deployment.environment.name": settings.environment,
        "host.name": platform.node(),
        "process.pid": os.getpid(),
        "telemetry.sdk.name": "outcrop",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": VERSION,
    }
    fields.update({values.name(name): values.plain(value) for name, value in settings.fields.items()})
    return {name: value for name, value in fields.items() if value is not None}
