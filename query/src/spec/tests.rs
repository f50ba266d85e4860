//! Time ranges, steps and refusals, as data.

use super::time::{buckets, granularity, parse_rfc3339, rfc3339, time_range};
use super::wire::TimeSpec;
use super::{QuerySpec, TimeRange, parse_query};

const HOUR: i64 = 3_600;
const SECOND_NS: i64 = 1_000_000_000;

fn range(start_seconds: i64, end_seconds: i64) -> TimeRange {
    TimeRange { start: start_seconds * SECOND_NS, end: end_seconds * SECOND_NS }
}

#[test]
fn automatic_steps_are_the_smallest_with_at_most_200_buckets() {
    for (seconds, step) in [
        (60, 1),
        (199, 1),
        (300, 2),
        (HOUR, 30),
        (2 * HOUR, 60),
        (24 * HOUR, 600),
        (7 * 24 * HOUR, HOUR),
        (365 * 24 * HOUR, 2 * 24 * HOUR),
        (290 * 365 * 24 * HOUR, 530 * 24 * HOUR),
    ] {
        assert_eq!(granularity(None, range(0, seconds)).unwrap(), step, "{seconds} s");
        assert!(buckets(range(0, seconds), step) <= 200);
    }
}

#[test]
fn too_many_buckets_name_the_smallest_step() {
    let error = granularity(Some(1), range(0, 24 * HOUR)).unwrap_err();
    assert_eq!(error.code, "too_many_buckets");
    let smallest = error.details["granularity_min"].as_i64().unwrap();
    assert!(granularity(Some(smallest), range(0, 24 * HOUR)).is_ok());
    assert!(granularity(Some(smallest - 1), range(0, 24 * HOUR)).is_err());
    assert!(granularity(Some(-5), range(0, HOUR)).is_err());
}

#[test]
fn ranges_from_their_keys() {
    let now = 10 * HOUR * SECOND_NS;
    let at = |seconds| Some(TimeSpec::Seconds(seconds));
    for (length, start, end, expected) in [
        (None, None, None, Some(range(8 * HOUR, 10 * HOUR))),
        (Some(HOUR), None, None, Some(range(9 * HOUR, 10 * HOUR))),
        (Some(HOUR), at(0), None, Some(range(0, HOUR))),
        (Some(HOUR), None, at(5 * HOUR), Some(range(4 * HOUR, 5 * HOUR))),
        (None, at(0), None, Some(range(0, 10 * HOUR))),
        (None, at(0), at(HOUR), Some(range(0, HOUR))),
        (Some(HOUR), at(0), at(HOUR), None),
        (None, at(HOUR), at(HOUR), None),
        (None, at(2 * HOUR), at(HOUR), None),
        (Some(0), None, None, None),
        (None, Some(TimeSpec::Text("yesterday".into())), None, None),
    ] {
        let found = time_range(length, start.as_ref(), end.as_ref(), now).ok();
        assert_eq!(found, expected, "{length:?} {start:?} {end:?}");
    }
}

#[test]
fn times_are_written_with_0_3_6_or_9_decimals() {
    for (time, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.500Z"),
        (1_500_001_000, "1970-01-01T00:00:01.500001Z"),
        (1_500_001_001, "1970-01-01T00:00:01.500001001Z"),
    ] {
        assert_eq!(rfc3339(time), text);
        assert_eq!(parse_rfc3339(text), Some(time));
    }
    assert_eq!(parse_rfc3339("1970-01-01T00:00:00"), Some(0));
    assert_eq!(parse_rfc3339("1970-01-01T01:00:00+01:00"), Some(0));
}

#[test]
fn refusals_say_what_to_write() {
    for (spec, part) in [
        (r#"{"calculations":[{"op":"MEDIAN","column":"a"}]}"#, "P50"),
        (r#"{"calculations":[{"op":"SUM"}]}"#, "needs a column"),
        (r#"{"calculations":[{"op":"COUNT"},{"op":"COUNT"}]}"#, "another name"),
        (r#"{"breakdowns":["a","a"]}"#, "twice"),
        (r#"{"breakdowns":["COUNT"]}"#, "another name"),
        (r#"{"filters":[{"column":"a","op":"~","value":1}]}"#, "starts-with"),
        (r#"{"filters":[{"column":"a","op":"="}]}"#, "needs a value"),
        (r#"{"filters":[{"column":"a","op":"=","value":{}}]}"#, "needs a text"),
        (r#"{"filters":[{"column":"a","op":"in","value":1}]}"#, "array"),
        (r#"{"filters":[{"column":"a","op":"exists","value":1}]}"#, "no value"),
        (r#"{"filters":[{"column":"a","op":"matches","value":"("}]}"#, "regular expression"),
        (r#"{"filters":[{"column":"*","op":">","value":1}]}"#, "contains"),
        (r#"{"orders":[{"column":"b"}]}"#, "neither"),
        (r#"{"havings":[{"calculate_op":"SUM","column":"a","op":">","value":1}]}"#, "calculations first"),
        (r#"{"limit":0}"#, "between 1 and"),
        (r#"{"limit":10001}"#, "between 1 and"),
    ] {
        let spec_read: QuerySpec = serde_json::from_str(spec).unwrap();
        let error = parse_query(&spec_read, 10 * HOUR * SECOND_NS).unwrap_err();
        assert!(error.message.contains(part), "{spec}: {}", error.message);
    }
}
