//! Times by table, and against chrono as the oracle.

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use proptest::prelude::*;

use super::{from_decimal, from_float, from_integer, from_text, push_rfc3339};

#[test]
fn numbers_are_read_by_their_magnitude() {
    let cases: &[(&str, Option<i64>)] = &[
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-0.0", Some(0)),
        ("0e99999", Some(0)),
        ("1", Some(1_000_000_000)),
        ("0.000000001", Some(1)),
        ("0.0000000019", Some(1)),
        ("1e-9", Some(1)),
        ("1e-400", Some(0)),
        ("9223372036.854775807", Some(i64::MAX)),
        ("9223372036.854775808", None),
        ("99999999999.9", None),
        ("100000000000", Some(100_000_000_000_000_000)),
        ("1700000000000", Some(1_700_000_000_000_000_000)),
        ("1700000000000.123456", Some(1_700_000_000_000_123_456)),
        ("1700000000000000", Some(1_700_000_000_000_000_000)),
        ("1700000000000000000", Some(1_700_000_000_000_000_000)),
        ("1.7e18", Some(1_700_000_000_000_000_000)),
        ("17e17", Some(1_700_000_000_000_000_000)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("1e19", None),
        ("1e99999", None),
        ("1e99999999999", None),
        ("1e-99999999999", None),
        ("-1", None),
        ("-1e-30", None),
        ("1.", None),
        (".5", None),
        ("+1", None),
        ("1e", None),
        ("", None),
        ("-", None),
        ("0x10", None),
        (" 1", None),
        ("1_000", None),
        ("1700000000.00000000000000000000000000000000001", Some(1_700_000_000_000_000_000)),
        ("00000000000000000000000000000000001700000000", Some(1_700_000_000_000_000_000)),
    ];
    for (text, expected) in cases {
        assert_eq!(from_decimal(text), *expected, "{text}");
        assert_eq!(from_text(text), *expected, "{text}");
        if let Ok(integer) =
            text.parse::<i64>().map_err(drop).and_then(|i| if text.starts_with('+') { Err(()) } else { Ok(i) })
        {
            assert_eq!(from_integer(integer), *expected, "{text} as an integer");
        }
    }
    assert_eq!(from_float(1_700_000_000.123_456), Some(1_700_000_000_123_456_000));
    assert_eq!(from_float(1.7e18), Some(1_700_000_000_000_000_000));
    assert_eq!(from_float(f64::NAN), None);
    assert_eq!(from_float(f64::INFINITY), None);
    assert_eq!(from_float(-0.0), Some(0));
}

#[test]
fn rfc_3339_as_written() {
    let second = 1_700_000_000_000_000_000;
    let cases: &[(&str, Option<i64>)] = &[
        ("2023-11-14T22:13:20Z", Some(second)),
        ("2023-11-14t22:13:20z", Some(second)),
        ("2023-11-14 22:13:20", Some(second)),
        ("2023-11-14T22:13:20-00:00", Some(second)),
        ("2023-11-15T04:58:20+06:45", Some(second)),
        ("2023-11-13T22:14:20-23:59", Some(second)),
        ("2023-11-14T22:13:20.1Z", Some(second + 100_000_000)),
        ("2023-11-14T22:13:20.123456789Z", Some(second + 123_456_789)),
        ("2023-11-14T22:13:20.12345678999999+00:00", Some(second + 123_456_789)),
        ("2023-11-14T22:13:20.000000001", Some(second + 1)),
        ("2016-12-31T23:59:60Z", Some(1_483_228_800_000_000_000)),
        ("1970-01-01T00:00:00Z", Some(0)),
        ("1970-01-01T01:00:00+01:00", Some(0)),
        ("1970-01-01T00:59:59+01:00", None),
        ("1969-12-31T23:30:00-00:30", Some(0)),
        ("2000-02-29T00:00:00Z", Some(951_782_400_000_000_000)),
        ("2023-02-29T00:00:00Z", None),
        ("2100-02-29T00:00:00Z", None),
        ("2262-04-11T23:47:16.854775807Z", Some(i64::MAX)),
        ("2262-04-11T23:47:16.854775808Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("2023-13-01T00:00:00Z", None),
        ("2023-00-01T00:00:00Z", None),
        ("2023-01-00T00:00:00Z", None),
        ("2023-04-31T00:00:00Z", None),
        ("2023-01-01T24:00:00Z", None),
        ("2023-01-01T00:60:00Z", None),
        ("2023-01-01T00:00:61Z", None),
        ("2023-01-01T00:00:00.Z", None),
        ("2023-01-01T00:00:00+24:00", None),
        ("2023-01-01T00:00:00+00:60", None),
        ("2023-01-01T00:00:00+0100", None),
        ("2023-01-01T00:00:00 +01:00", None),
        ("2023-01-01T00:00:00ZZ", None),
        ("2023-01-01T00:00", None),
        ("2023-01-01", None),
        ("2023/01/01T00:00:00Z", None),
        ("2023-01-01_00:00:00Z", None),
        ("2023-01-01T00:00:0éZ", None),
        ("+023-01-01T00:00:00Z", None),
    ];
    for (text, expected) in cases {
        assert_eq!(from_text(text), *expected, "{text}");
    }
}

proptest! {
    #[test]
    fn every_instant_is_read_back(nanoseconds in 0..=i64::MAX, offset in -1_439_i32..1_440) {
        let offset = chrono::FixedOffset::east_opt(offset * 60).unwrap();
        let text = DateTime::from_timestamp_nanos(nanoseconds).with_timezone(&offset).to_rfc3339();
        prop_assert_eq!(from_text(&text), Some(nanoseconds), "{}", text);
    }

    #[test]
    fn chrono_agrees(text in "[12][0-9]{3}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|z|[+-][0-2][0-9]:[0-6][0-9])?") {
        let expected = DateTime::parse_from_rfc3339(&text)
            .ok()
            .map(|time| time.to_utc())
            .or_else(|| {
                let naive = text.replacen(['t', ' '], "T", 1);
                NaiveDateTime::parse_from_str(&naive, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc())
            })
            .and_then(|time| time.timestamp_nanos_opt())
            .filter(|time| *time >= 0);
        prop_assert_eq!(from_text(&text), expected);
    }

    #[test]
    fn no_text_panics(text in "[-+0-9:.TZe ]{0,40}|\\PC{0,30}") {
        let _ = from_text(&text);
    }
}

#[test]
fn seconds_beyond_the_years_that_can_be_written_become_digits() {
    for seconds in [i64::MIN, -62_135_596_801, 253_402_300_800, i64::MAX] {
        let mut text = String::new();
        push_rfc3339(&mut text, seconds, 5);
        assert_eq!(text, seconds.to_string());
    }
}

proptest! {
    #[test]
    fn instants_are_written_as_chrono_writes_them(seconds in -62_135_596_800_i64..253_402_300_800, nanoseconds in prop_oneof![Just(0_u32), 0_u32..1_000_000_000]) {
        let mut text = String::new();
        push_rfc3339(&mut text, seconds, nanoseconds);
        let format = if nanoseconds == 0 { SecondsFormat::Secs } else { SecondsFormat::Nanos };
        let expected = DateTime::from_timestamp(seconds, nanoseconds).unwrap().to_rfc3339_opts(format, true);
        prop_assert_eq!(text, expected);
    }
}
