//! Times as people write and read them: RFC 3339 in UTC, with 0, 3, 6 or 9 decimals.

use chrono::{DateTime, SecondsFormat, Utc};
use outcrop_query::TimeSpec;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// `time` is nanoseconds since 1970-01-01 UTC.
pub(crate) fn rfc3339(time: i64) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A time that somebody wrote: epoch seconds or RFC 3339; shown as the latter. Nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

const UNREADABLE: &str = "a time must be epoch seconds or RFC 3339 such as 2026-11-01T00:00:00Z";

impl Moment {
    /// As it stands in a query string.
    pub(crate) fn read(text: &str) -> Result<Moment, &'static str> {
        Moment::of(&time_spec(text.to_owned())).ok_or(UNREADABLE)
    }

    fn of(time: &TimeSpec) -> Option<Moment> {
        time.nanoseconds().map(Moment)
    }
}

/// A time as it stands in a query string.
pub(crate) fn time_spec(text: String) -> TimeSpec {
    match (text.parse(), text.parse()) {
        (Ok(seconds), _) => TimeSpec::Seconds(seconds),
        (_, Ok(seconds)) => TimeSpec::FractionalSeconds(seconds),
        // In a query string a plus is a space.
        _ => TimeSpec::Text(text.replace(' ', "+")),
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let time = TimeSpec::deserialize(deserializer).map_err(|_| D::Error::custom(UNREADABLE))?;
        Moment::of(&time).ok_or_else(|| D::Error::custom(UNREADABLE))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        TimeSpec::schema()
    }
}

impl ToSchema for Moment {}
