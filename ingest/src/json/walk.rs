//! Objects and arrays whose members are looked at where they lie: for protocols that put JSON around events.
//!
//! Must not know what the members mean.

use std::borrow::Cow;

use super::scan::{COLON_EXPECTED, KEY_EXPECTED, Scanner};
use super::string::Token;
use crate::fault::Fault;

/// Calls `member` with each key of the object at the scanner, the scanner at its value.
pub(crate) fn object<'a>(
    scan: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>, &str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut escaped = String::new();
    scan.expect(b'{', "an object is expected here")?;
    scan.space();
    let mut more = scan.peek() != Some(b'}');
    while more {
        if scan.peek() != Some(b'"') {
            return Err(scan.fault(KEY_EXPECTED));
        }
        escaped.clear();
        let key = match scan.string(&mut escaped)? {
            Token::Plain(key) => key,
            Token::Scratch(_) => &escaped,
        };
        scan.space();
        scan.expect(b':', COLON_EXPECTED)?;
        scan.space();
        member(scan, key)?;
        more = comma(scan);
    }
    scan.expect(b'}', "',' or '}' is expected after a value in an object")
}

/// Calls `element` with the scanner at each element of the array at it.
pub(crate) fn array<'a>(
    scan: &mut Scanner<'a>,
    mut element: impl FnMut(&mut Scanner<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    scan.expect(b'[', "an array is expected here")?;
    scan.space();
    let mut more = scan.peek() != Some(b']');
    while more {
        element(scan)?;
        more = comma(scan);
    }
    scan.expect(b']', "',' or ']' is expected after an element of the array")
}

/// The string at the scanner; what is none is passed over.
pub(crate) fn text_or_skip<'a>(scan: &mut Scanner<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    if scan.peek() != Some(b'"') {
        scan.skip(None)?;
        return Ok(None);
    }
    let mut escaped = String::new();
    Ok(Some(match scan.string(&mut escaped)? {
        Token::Plain(text) => Cow::Borrowed(text),
        Token::Scratch(_) => Cow::Owned(escaped),
    }))
}

/// Passes over a comma and the spaces around it, if there is one.
fn comma(scan: &mut Scanner<'_>) -> bool {
    scan.space();
    let found = scan.peek() == Some(b',');
    if found {
        scan.advance(1);
        scan.space();
    }
    found
}
