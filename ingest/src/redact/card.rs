//! Numbers of payment cards: digits of an issuer's prefix and length whose check digit fits.

use std::ops::Range;

/// Digits of the shortest and the longest number.
const DIGITS: std::ops::RangeInclusive<usize> = 14..=19;
/// No run of digits and separators that is shorter can hold a number: every so many bytes one is looked at.
const STEP: usize = 8;
/// Separators inside of a number stand alone.
const SEPARATORS: [u8; 2] = [b' ', b'-'];

/// Whether there may be one among the bytes: few texts without numbers pass.
pub(super) fn may_hold(bytes: &[u8]) -> bool {
    let mut at = STEP;
    while at < bytes.len() {
        if is_part(bytes[at]) {
            let run = run_around(bytes, at);
            if bytes[run.clone()].iter().filter(|b| b.is_ascii_digit()).count() >= *DIGITS.start() {
                return true;
            }
            at = at.max(run.end);
        }
        at += STEP;
    }
    false
}

/// The places of the numbers in a text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        // One begins with a group of digits; part of a word or of a longer number is none of its own.
        let begins = bytes[at].is_ascii_digit() && !at.checked_sub(1).is_some_and(|before| is_word(bytes[before]));
        match begins.then(|| number_at(bytes, at)).flatten() {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Whether an integer is one.
pub(super) fn is_number(value: i64) -> bool {
    // The prefixes of issuers begin with 2 and more.
    if value < 30_000_000_000_000 {
        return false;
    }
    let text = value.to_string();
    is_card(text.as_bytes())
}

/// The end of a number that begins here; the longest if several do.
fn number_at(bytes: &[u8], start: usize) -> Option<usize> {
    let mut digits = Vec::with_capacity(*DIGITS.end());
    let mut found = None;
    for at in start..bytes.len() {
        if !bytes[at].is_ascii_digit() {
            let separates = SEPARATORS.contains(&bytes[at]) && at > start && bytes[at - 1].is_ascii_digit();
            if separates { continue } else { break }
        }
        digits.push(bytes[at]);
        if digits.len() > *DIGITS.end() {
            break;
        }
        let ends = !bytes.get(at + 1).is_some_and(|next| is_word(*next));
        if ends && DIGITS.contains(&digits.len()) && is_card(&digits) {
            found = Some(at + 1);
        }
    }
    found
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || SEPARATORS.contains(&byte)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The digits and single separators around a place.
fn run_around(bytes: &[u8], at: usize) -> Range<usize> {
    let goes_on = |here: usize, next: usize| {
        is_part(bytes[next]) && (bytes[here].is_ascii_digit() || bytes[next].is_ascii_digit())
    };
    let (mut start, mut end) = (at, at + 1);
    while start > 0 && goes_on(start, start - 1) {
        start -= 1;
    }
    while end < bytes.len() && goes_on(end - 1, end) {
        end += 1;
    }
    start..end
}

/// Prefix and length of an issuer, and the check digit. Lengths that few cards have and many other numbers are left out.
fn is_card(digits: &[u8]) -> bool {
    let prefix = |length: usize| digits[..length].iter().fold(0u32, |n, d| n * 10 + u32::from(d - b'0'));
    let issued = matches!(
        (digits.len(), prefix(4)),
        (16, 4000..=4999 | 5100..=5599 | 2221..=2720 | 3528..=3589 | 6011 | 6440..=6599)
            | (15, 3400..=3499 | 3700..=3799)
            | (14, 3000..=3059 | 3600..=3699 | 3800..=3899)
            | (16..=19, 6200..=6299)
    );
    // All digits alike are nobody's card.
    issued && digits.iter().any(|d| *d != digits[0]) && checks(digits)
}

/// ISO/IEC 7812-1, annex B.
fn checks(digits: &[u8]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(at, digit)| {
        let value = u32::from(digit - b'0') * if at % 2 == 1 { 2 } else { 1 };
        value / 10 + value % 10
    });
    weighed.sum::<u32>() % 10 == 0
}
