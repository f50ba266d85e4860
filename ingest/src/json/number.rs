//! Numbers: exact, whatever their size, and never `-0.0`. Must not know what they mean.

use super::scan::{Scanner, VALUE_EXPECTED};
use crate::fault::Fault;

/// A number by what it fits into.
#[derive(Debug, PartialEq)]
pub(crate) enum Number<'a> {
    Integer(i64),
    /// Never `-0.0`. The text is as sent.
    Float(f64, &'a str),
    /// Outside 64 bits, a float too large for one, or not a number at all: a string of what was sent.
    Beyond(&'a str),
}

/// What many senders write for floats that JSON has no words for.
const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// 10^0 to 10^22: the powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

impl<'a> Scanner<'a> {
    /// Whether what begins here can only be a number: its sign, its first digit, or the letter of one of those words.
    #[inline]
    pub(crate) fn begins_number(byte: u8) -> bool {
        matches!(byte, b'-' | b'0'..=b'9' | b'N' | b'I')
    }

    /// A number, from its sign or first digit; `NaN`, `Infinity` and `-Infinity` are taken too.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number<'a>, Fault> {
        let start = self.at;
        if !matches!(self.rest(), [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..])
            && let Some(word) = NOT_FINITE.iter().find(|word| self.rest().starts_with(word.as_bytes()))
        {
            self.at += word.len();
            return Ok(Number::Beyond(&self.text[start..self.at]));
        }
        if matches!(self.peek(), Some(b'N' | b'I')) {
            return Err(self.fault(VALUE_EXPECTED));
        }
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let mut mantissa = 0_u64;
        let first = self.at;
        let leading_zero = self.peek() == Some(b'0');
        let mut digits = self.digits(&mut mantissa)?;
        if leading_zero && digits > 1 {
            self.at = first + 1;
            return Err(self.fault("a number must not begin with a further 0; send ids with leading zeros as strings"));
        }
        let mut decimals = 0;
        let is_integer = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if self.peek() == Some(b'.') {
            self.at += 1;
            decimals = self.digits(&mut mantissa)?;
            digits += decimals;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits(&mut 0)?;
        }
        let text = &self.text[start..self.at];
        if is_integer {
            return Ok(integer(text, mantissa, digits, negative));
        }
        // Below 2^53 and 10^22 both are exact, so that one division rounds as the exact value would.
        if digits <= 15 && !has_exponent {
            let value = mantissa as f64 / POWERS[decimals];
            return Ok(Number::Float(if negative && value != 0.0 { -value } else { value }, text));
        }
        Ok(float(text))
    }

    /// One digit or more; `mantissa` wraps, callers look at it only if the digits are few.
    #[inline]
    fn digits(&mut self, mantissa: &mut u64) -> Result<usize, Fault> {
        let start = self.at;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fault("a number lacks a digit here"));
        }
        Ok(self.at - start)
    }
}

#[inline]
fn integer<'a>(text: &'a str, magnitude: u64, digits: usize, negative: bool) -> Number<'a> {
    // 18 digits always fit; 19 may, and then the standard library decides.
    let value = if digits <= 18 {
        let magnitude = magnitude as i64;
        Some(if negative { -magnitude } else { magnitude })
    } else {
        text.parse().ok()
    };
    value.map_or(Number::Beyond(text), Number::Integer)
}

fn float(text: &str) -> Number<'_> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Number::Float(if value == 0.0 { 0.0 } else { value }, text),
        _ => Number::Beyond(text),
    }
}
