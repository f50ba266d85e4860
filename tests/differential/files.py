"""Which recorded files are compared, and by which fields."""
import dataclasses


@dataclasses.dataclass
class File:
    dataset: str
    path: str
    groups: list  # three fields to count by, one at a time and together
    number: str | None  # a field with numbers
    present: list = dataclasses.field(default_factory=list)  # fields whose presence is counted too
    filters: list = dataclasses.field(default_factory=list)  # (filters of a query, the same as SQL over oracle.py's table)
    fields: list = dataclasses.field(default_factory=list)  # further fields that the SQL of filters needs
    order: dict = dataclasses.field(default_factory=dict)  # fields that come by two paths in one event: {field: (flat, nested)}


FILES = [
    File("shop_access", "shop_access/events.ndjson.gz", ["status", "method", "section"], "bytes", ["query_params", "time"]),
    # 633 fields. Task, Keywords and LogonType are integers in some events and text in others; Keywords goes beyond 2^53.
    # The time is `timestamp` in 5 events, `@timestamp` in most, else `_time`: the keys not used stay ordinary fields.
    File("windows_wide", "windows_wide/events.ndjson.gz", ["Task", "LogonType", "Channel"], "EventID", ["_time", "@timestamp"]),
    File("windows_keywords", "windows_wide/events.ndjson.gz", ["Keywords", "KeyLength", "Hostname"], "Keywords"),
    # Dots in names here, objects in the other: both must be the same fields.
    File("cloudtrail_flat", "cloudtrail_stratus/events.ndjson.gz", ["userIdentity.type", "requestParameters.maxResults", "readOnly"],
         "additionalEventData.bytesTransferredOut", ["resources", "time"]),
    # No key is a time: every event gets the time at which it was received.
    File("cloudtrail_nested", "cloudtrail_stratus/nested.ndjson.gz", ["userIdentity.type", "requestParameters.maxResults", "readOnly"],
         "additionalEventData.bytesTransferredOut", ["resources", "userIdentity", "userIdentity.sessionContext.attributes.mfaAuthenticated"]),
    File("nezha_spans", "nezha/2023-01-30/spans.ndjson.gz", ["service", "node", "callee_service"], "duration_ms", ["parent_id"]),
    File("nezha_logs", "nezha/2023-01-30/logs.ndjson.gz", ["level", "service", "logger"], "line", ["trace_id"]),
    File("nezha_metrics", "nezha/2023-01-30/metrics.ndjson.gz", ["table", "service", "SyscallRead"], "CpuUsage(m)", ["LatencyP99(s)"]),
]

# Numbers are text here (bitrate): a sum over text is 0. `sample_rate` weighs every event.
LIVESTREAM = (["cdn", "isp", "stalled"], "bitrate", ["device", "province"])


def recorded(data):
    """All files, whether they are there or not."""
    cases = sorted((data / "rs_livestream/cases").glob("*.ndjson.gz"))
    groups, number, present = LIVESTREAM
    paths = [f"rs_livestream/cases/{case.name}" for case in cases] or ["rs_livestream/cases"]
    streams = [File(name(path), path, groups, number, present) for path in paths]
    return FILES + streams


def name(path):
    return "rs_" + path.rsplit("/", 1)[1].removesuffix(".ndjson.gz").lower()
