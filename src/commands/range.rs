//! The time that a question is about, as arguments name it. It must not know the question.

use std::time::{SystemTime, SystemTimeError, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};

#[derive(Args, Debug)]
pub(super) struct Range {
    /// The time range up to now: 90s, 30m, 2h, 7d
    #[arg(long, value_name = "DURATION", default_value = "2h", conflicts_with_all = ["start", "end"])]
    pub(super) last: String,
    /// From when, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(super) start: Option<String>,
    /// Until when, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(super) end: Option<String>,
}

impl Range {
    pub(super) fn put(&self, spec: &mut Value) -> Result<(), String> {
        if self.start.is_none() && self.end.is_none() {
            spec["time_range"] = json!(seconds(&self.last)?);
        }
        put(spec, "start_time", self.start.as_deref());
        put(spec, "end_time", self.end.as_deref());
        Ok(())
    }
}

/// A key of a specification, where it was given.
pub(super) fn put(object: &mut Value, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        object[key] = json!(value);
    }
}

/// The end of this second, since 1970: what was sent a moment ago is before it.
pub(super) fn now() -> Result<i64, SystemTimeError> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64 + 1)
}

pub(super) fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?}: write a duration as 90s, 30m, 2h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).filter(|s| *s > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(seconds("2h"), Ok(7_200));
        assert!(seconds("2 hours").is_err() && seconds("").is_err() && seconds("0s").is_err());
    }
}
