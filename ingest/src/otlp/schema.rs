//! The messages of OTLP: how JSON names each field, its number in protobuf and its type. Must not know what they mean.

/// A message by its fields.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) fields: &'static [Field],
}

/// A field; a repeated one is an array in JSON.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// Bytes, in JSON base64.
    Bytes,
    /// Bytes, in JSON hex.
    Id,
    Boolean,
    /// Integers of any sign, in JSON strings or numbers.
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
    Double,
    /// In JSON the number, from some senders the name.
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

const fn field(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind }
}

pub(super) static TRACES: Message = Message { fields: &[field("resourceSpans", 1, Kind::Message(&RESOURCE_SPANS))] };
pub(super) static LOGS: Message = Message { fields: &[field("resourceLogs", 1, Kind::Message(&RESOURCE_LOGS))] };
pub(super) static METRICS: Message =
    Message { fields: &[field("resourceMetrics", 1, Kind::Message(&RESOURCE_METRICS))] };

static RESOURCE: Message = Message { fields: &[field("attributes", 1, Kind::Message(&KEY_VALUE))] };

static SCOPE: Message = Message {
    fields: &[
        field("name", 1, Kind::Text),
        field("version", 2, Kind::Text),
        field("attributes", 3, Kind::Message(&KEY_VALUE)),
    ],
};

static KEY_VALUE: Message =
    Message { fields: &[field("key", 1, Kind::Text), field("value", 2, Kind::Message(&ANY_VALUE))] };

static ANY_VALUE: Message = Message {
    fields: &[
        field("stringValue", 1, Kind::Text),
        field("boolValue", 2, Kind::Boolean),
        field("intValue", 3, Kind::Varint),
        field("doubleValue", 4, Kind::Double),
        field("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        field("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        field("bytesValue", 7, Kind::Bytes),
    ],
};

static ARRAY_VALUE: Message = Message { fields: &[field("values", 1, Kind::Message(&ANY_VALUE))] };
static KEY_VALUE_LIST: Message = Message { fields: &[field("values", 1, Kind::Message(&KEY_VALUE))] };

static RESOURCE_SPANS: Message = Message {
    fields: &[
        field("resource", 1, Kind::Message(&RESOURCE)),
        field("scopeSpans", 2, Kind::Message(&SCOPE_SPANS)),
        // As it was called until version 0.19.
        field("instrumentationLibrarySpans", 2, Kind::Message(&SCOPE_SPANS)),
        field("schemaUrl", 3, Kind::Text),
    ],
};

static SCOPE_SPANS: Message = Message {
    fields: &[
        field("scope", 1, Kind::Message(&SCOPE)),
        field("instrumentationLibrary", 1, Kind::Message(&SCOPE)),
        field("spans", 2, Kind::Message(&SPAN)),
        field("schemaUrl", 3, Kind::Text),
    ],
};

static SPAN: Message = Message {
    fields: &[
        field("traceId", 1, Kind::Id),
        field("spanId", 2, Kind::Id),
        field("traceState", 3, Kind::Text),
        field("parentSpanId", 4, Kind::Id),
        field("name", 5, Kind::Text),
        field("kind", 6, Kind::Enum(&SPAN_KINDS)),
        field("startTimeUnixNano", 7, Kind::Fixed64),
        field("endTimeUnixNano", 8, Kind::Fixed64),
        field("attributes", 9, Kind::Message(&KEY_VALUE)),
        field("events", 11, Kind::Message(&SPAN_EVENT)),
        field("links", 13, Kind::Message(&SPAN_LINK)),
        field("status", 15, Kind::Message(&STATUS)),
    ],
};

static SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static SPAN_EVENT: Message = Message {
    fields: &[
        field("timeUnixNano", 1, Kind::Fixed64),
        field("name", 2, Kind::Text),
        field("attributes", 3, Kind::Message(&KEY_VALUE)),
    ],
};

static SPAN_LINK: Message = Message {
    fields: &[
        field("traceId", 1, Kind::Id),
        field("spanId", 2, Kind::Id),
        field("traceState", 3, Kind::Text),
        field("attributes", 4, Kind::Message(&KEY_VALUE)),
    ],
};

static STATUS: Message =
    Message { fields: &[field("message", 2, Kind::Text), field("code", 3, Kind::Enum(&STATUS_CODES))] };

static STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static RESOURCE_LOGS: Message = Message {
    fields: &[
        field("resource", 1, Kind::Message(&RESOURCE)),
        field("scopeLogs", 2, Kind::Message(&SCOPE_LOGS)),
        field("instrumentationLibraryLogs", 2, Kind::Message(&SCOPE_LOGS)),
        field("schemaUrl", 3, Kind::Text),
    ],
};

static SCOPE_LOGS: Message = Message {
    fields: &[
        field("scope", 1, Kind::Message(&SCOPE)),
        field("instrumentationLibrary", 1, Kind::Message(&SCOPE)),
        field("logRecords", 2, Kind::Message(&LOG_RECORD)),
        field("schemaUrl", 3, Kind::Text),
    ],
};

static LOG_RECORD: Message = Message {
    fields: &[
        field("timeUnixNano", 1, Kind::Fixed64),
        field("observedTimeUnixNano", 11, Kind::Fixed64),
        field("severityNumber", 2, Kind::Enum(&SEVERITIES)),
        field("severityText", 3, Kind::Text),
        field("body", 5, Kind::Message(&ANY_VALUE)),
        field("attributes", 6, Kind::Message(&KEY_VALUE)),
        field("flags", 8, Kind::Fixed32),
        field("traceId", 9, Kind::Id),
        field("spanId", 10, Kind::Id),
        field("eventName", 12, Kind::Text),
    ],
};

static SEVERITIES: [&str; 25] = [
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

static RESOURCE_METRICS: Message = Message {
    fields: &[
        field("resource", 1, Kind::Message(&RESOURCE)),
        field("scopeMetrics", 2, Kind::Message(&SCOPE_METRICS)),
        field("instrumentationLibraryMetrics", 2, Kind::Message(&SCOPE_METRICS)),
        field("schemaUrl", 3, Kind::Text),
    ],
};

static SCOPE_METRICS: Message = Message {
    fields: &[
        field("scope", 1, Kind::Message(&SCOPE)),
        field("instrumentationLibrary", 1, Kind::Message(&SCOPE)),
        field("metrics", 2, Kind::Message(&METRIC)),
        field("schemaUrl", 3, Kind::Text),
    ],
};

static METRIC: Message = Message {
    fields: &[
        field("name", 1, Kind::Text),
        field("gauge", 5, Kind::Message(&NUMBERS)),
        field("sum", 7, Kind::Message(&NUMBERS)),
        field("histogram", 9, Kind::Message(&HISTOGRAMS)),
        field("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL_HISTOGRAMS)),
        field("summary", 11, Kind::Message(&SUMMARIES)),
    ],
};

static NUMBERS: Message = Message { fields: &[field("dataPoints", 1, Kind::Message(&NUMBER_POINT))] };
static HISTOGRAMS: Message = Message { fields: &[field("dataPoints", 1, Kind::Message(&HISTOGRAM_POINT))] };
static EXPONENTIAL_HISTOGRAMS: Message =
    Message { fields: &[field("dataPoints", 1, Kind::Message(&EXPONENTIAL_POINT))] };
static SUMMARIES: Message = Message { fields: &[field("dataPoints", 1, Kind::Message(&SUMMARY_POINT))] };

static NUMBER_POINT: Message = Message {
    fields: &[
        field("attributes", 7, Kind::Message(&KEY_VALUE)),
        field("timeUnixNano", 3, Kind::Fixed64),
        field("asDouble", 4, Kind::Double),
        field("asInt", 6, Kind::Fixed64),
        field("flags", 8, Kind::Varint),
    ],
};

static HISTOGRAM_POINT: Message = Message {
    fields: &[
        field("attributes", 9, Kind::Message(&KEY_VALUE)),
        field("timeUnixNano", 3, Kind::Fixed64),
        field("count", 4, Kind::Fixed64),
        field("sum", 5, Kind::Double),
        field("bucketCounts", 6, Kind::Fixed64),
        field("explicitBounds", 7, Kind::Double),
        field("flags", 10, Kind::Varint),
        field("min", 11, Kind::Double),
        field("max", 12, Kind::Double),
    ],
};

static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        field("attributes", 1, Kind::Message(&KEY_VALUE)),
        field("timeUnixNano", 3, Kind::Fixed64),
        field("count", 4, Kind::Fixed64),
        field("sum", 5, Kind::Double),
        field("scale", 6, Kind::Zigzag),
        field("zeroCount", 7, Kind::Fixed64),
        field("positive", 8, Kind::Message(&BUCKETS)),
        field("negative", 9, Kind::Message(&BUCKETS)),
        field("flags", 10, Kind::Varint),
        field("min", 12, Kind::Double),
        field("max", 13, Kind::Double),
        field("zeroThreshold", 14, Kind::Double),
    ],
};

static BUCKETS: Message =
    Message { fields: &[field("offset", 1, Kind::Zigzag), field("bucketCounts", 2, Kind::Varint)] };

static SUMMARY_POINT: Message = Message {
    fields: &[
        field("attributes", 7, Kind::Message(&KEY_VALUE)),
        field("timeUnixNano", 3, Kind::Fixed64),
        field("count", 4, Kind::Fixed64),
        field("sum", 5, Kind::Double),
        field("quantileValues", 6, Kind::Message(&QUANTILE)),
        field("flags", 8, Kind::Varint),
    ],
};

static QUANTILE: Message = Message { fields: &[field("quantile", 1, Kind::Double), field("value", 2, Kind::Double)] };
