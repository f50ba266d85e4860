//! When an event happened, out of what senders write: numbers by magnitude, and RFC 3339.
//!
//! Must not know protocols or fields.

#[cfg(test)]
mod tests;

use outcrop_storage::event::TimestampNs;

/// Powers of ten up to what takes seconds to nanoseconds.
const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// An integer time: |x| < 1e11 seconds, < 1e14 milliseconds, < 1e17 microseconds, else nanoseconds.
/// `None` outside 1970 to 2262.
pub(crate) fn from_integer(value: i64) -> Option<TimestampNs> {
    let unit = match value {
        ..0 => return None,
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    value.checked_mul(unit)
}

/// A floating point time, by the shortest text that means it: 1700000000.1 is exactly 100 ms past the second.
pub(crate) fn from_float(value: f64) -> Option<TimestampNs> {
    if !value.is_finite() {
        return None;
    }
    from_decimal(ryu::Buffer::new().format_finite(value))
}

/// A text time: RFC 3339, or a number as in JSON.
pub(crate) fn from_text(text: &str) -> Option<TimestampNs> {
    from_rfc3339(text).or_else(|| from_decimal(text))
}

/// Seconds and nanoseconds since 1970. `None` outside 1970 to 2262.
pub(crate) fn from_seconds(seconds: i64, nanoseconds: u32) -> Option<TimestampNs> {
    let time = i128::from(seconds) * NANOSECONDS_PER_SECOND + i128::from(nanoseconds);
    TimestampNs::try_from(time).ok().filter(|time| *time >= 0)
}

/// A number as in JSON, with all its digits; what is finer than a nanosecond is cut off.
pub(crate) fn from_decimal(text: &str) -> Option<TimestampNs> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (digits, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (mantissa, exponent) = significant(whole, fraction, exponent)?;
    if mantissa == 0 {
        return Some(0);
    }
    if negative {
        return None;
    }
    // Digits before the point, if all were written out: the magnitude, exactly.
    let magnitude = i64::from(mantissa.ilog10()) + 1 + i64::from(exponent);
    let exponent = exponent
        + match magnitude {
            ..=11 => 9,
            12..=14 => 6,
            15..=17 => 3,
            _ => 0,
        };
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    let nanoseconds = match power {
        Some(power) if exponent >= 0 => mantissa.checked_mul(power)?,
        Some(power) => mantissa / power,
        None if exponent >= 0 => return None,
        None => 0,
    };
    TimestampNs::try_from(nanoseconds).ok()
}

/// The first 28 significant digits and the power of ten they are to be multiplied with.
fn significant(whole: &str, fraction: &str, exponent: i32) -> Option<(u128, i32)> {
    let mut mantissa = 0_u128;
    let mut exponent = i64::from(exponent);
    for (digit, in_fraction) in
        whole.bytes().map(|digit| (digit, false)).chain(fraction.bytes().map(|digit| (digit, true)))
    {
        let room = mantissa < 1_000_000_000_000_000_000_000_000_000;
        if room {
            mantissa = mantissa * 10 + u128::from(digit - b'0');
        }
        exponent += i64::from(!room) - i64::from(in_fraction);
    }
    // Far beyond any time; also keeps the sums above from overflowing.
    let exponent = i32::try_from(exponent).ok()?;
    (-100_000..100_000).contains(&exponent).then_some((mantissa, exponent))
}

/// `2026-11-20T08:40:00.123456789+01:00`: `T`, `t` or a space between date and time; `Z`, `z`, an offset, or none,
/// which means UTC; any number of decimals, cut after nine; a leap second is the second after it.
fn from_rfc3339(text: &str) -> Option<TimestampNs> {
    let bytes = text.as_bytes();
    let (head, tail) = bytes.split_at_checked(19)?;
    if head[4] != b'-'
        || head[7] != b'-'
        || head[13] != b':'
        || head[16] != b':'
        || !matches!(head[10], b'T' | b't' | b' ')
    {
        return None;
    }
    let year = two(head, 0)? * 100 + two(head, 2)?;
    let day = day_number(year, two(head, 5)?, two(head, 8)?)?;
    let (hour, minute, second) = (two(head, 11)?, two(head, 14)?, two(head, 17)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, offset) = fraction_nanoseconds(tail)?;
    let seconds = day * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second - offset_seconds(offset)?;
    from_seconds(seconds, fraction)
}

/// A time as RFC 3339 in UTC, with nine decimals if it has any. Seconds beyond the years that can be written become digits.
pub(crate) fn push_rfc3339(out: &mut String, seconds: i64, nanoseconds: u32) {
    let day = seconds.div_euclid(SECONDS_PER_DAY);
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let text = match date(day) {
        Some((year, month, day)) => {
            format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
        }
        None => return out.push_str(&seconds.to_string()),
    };
    out.push_str(&text);
    if nanoseconds > 0 {
        out.push_str(&format!(".{nanoseconds:09}"));
    }
    out.push('Z');
}

/// Year, month and day of a number of days since 1970-01-01; `None` outside the years 1 to 9999.
fn date(days: i64) -> Option<(i64, i64, i64)> {
    // Counted from 0000-03-01, so that leap days end years; 400 years have 146,097 days.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (1..=9_999).contains(&year).then_some((year, month, day_of_year - (153 * shifted + 2) / 5 + 1))
}

/// The number that two digits at `at` make.
fn two(bytes: &[u8], at: usize) -> Option<i64> {
    let tens = bytes.get(at)?.wrapping_sub(b'0');
    let ones = bytes.get(at + 1)?.wrapping_sub(b'0');
    (tens < 10 && ones < 10).then_some(i64::from(tens) * 10 + i64::from(ones))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; `None` if there is no such day.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE_MONTH: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let index = usize::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
    let length = BEFORE_MONTH[index] - BEFORE_MONTH[index - 1] + i64::from(leap && month == 2);
    if day < 1 || day > length || year < 1 {
        return None;
    }
    // Leap days before this year, counted from the year 1; 719,162 days lie between 0001-01-01 and 1970-01-01.
    let past = year - 1;
    let days = past * 365 + past / 4 - past / 100 + past / 400;
    Some(days - 719_162 + BEFORE_MONTH[index - 1] + i64::from(leap && month > 2) + day - 1)
}

/// Nanoseconds of a leading `.123`, and what follows it.
fn fraction_nanoseconds(tail: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.', digits)) = tail.split_first() else {
        return Some((0, tail));
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let nanoseconds = (0..9).fold(0, |sum, place| {
        let digit = if place < length { digits[place] - b'0' } else { 0 };
        sum * 10 + u32::from(digit)
    });
    Some((nanoseconds, &digits[length..]))
}

/// Seconds east of UTC of `Z`, `z`, `+01:00`, or nothing.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    match text {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] if rest.len() == 5 && rest[2] == b':' => {
            let (hours, minutes) = (two(rest, 0)?, two(rest, 3)?);
            let seconds = hours * 3_600 + minutes * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}
