//! Times as people read them: RFC 3339 in UTC, with 0, 3, 6 or 9 decimals.

use chrono::{DateTime, SecondsFormat, Utc};

/// `time` is nanoseconds since 1970-01-01 UTC.
pub(crate) fn rfc3339(time: i64) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
