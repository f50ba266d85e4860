//! A position in JSON text: spaces, literals, and values that are passed over whole; `string` and `number` read the rest.
//!
//! One pass over the text and nothing allocated for what can be borrowed. It keeps what a tree of values would lose: the
//! position of a mistake, the digits of a number, the text of an array as sent, the rest of a body behind a broken event.
//! Never recursive, so that nesting cannot exhaust the stack. Must not know fields or events.

use super::string::plain_end;
use crate::fault::{Fault, FaultKind};

/// A position in a text.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn set_at(&mut self, at: usize) {
        self.at = at;
    }

    #[inline]
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over one byte.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// A fault here: the text's end if it is there, else `what`.
    #[cold]
    pub(crate) fn fault(&self, what: &'static str) -> Fault {
        let kind = if self.at >= self.text.len() { FaultKind::Ended } else { FaultKind::Syntax(what) };
        Fault::new(self.at, kind)
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.fault(what))
    }

    /// `true`, `false` or `null`.
    pub(crate) fn literal(&mut self) -> Result<Option<bool>, Fault> {
        for (word, value) in [(&b"true"[..], Some(true)), (b"false", Some(false)), (b"null", None)] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
            if word.starts_with(self.rest()) {
                self.at = self.text.len();
            }
        }
        Err(self.fault(VALUE_EXPECTED))
    }

    /// Passes over a value of any kind, checking its syntax.
    ///
    /// `depth_max` bounds the arrays and objects within each other, the value itself included; lone surrogates are
    /// faults too if it is given. Says whether there is white space outside of strings.
    pub(crate) fn skip(&mut self, depth_max: Option<usize>) -> Result<bool, Fault> {
        let strict = depth_max.is_some();
        let depth_max = depth_max.unwrap_or(usize::MAX);
        let mut spaced = false;
        let mut open = Nesting::default();
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if open.depth == depth_max {
                        return Err(Fault::new(self.at, FaultKind::Nesting));
                    }
                    open.push(bracket == b'{');
                    self.at += 1;
                    spaced |= self.space_seen();
                    if self.peek() == Some(bracket + 2) {
                        // Falls to the closing bracket below.
                    } else if bracket == b'{' {
                        spaced |= self.skip_key(strict)?;
                        continue;
                    } else {
                        continue;
                    }
                }
                Some(b'"') => self.skip_string(strict)?,
                Some(byte) if Scanner::begins_number(byte) => {
                    self.number()?;
                }
                _ => {
                    self.literal()?;
                }
            }
            // Behind a value: close what ends here, or go on to the next one.
            loop {
                if open.depth == 0 {
                    return Ok(spaced);
                }
                spaced |= self.space_seen();
                match (self.peek(), open.in_object()) {
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        open.pop();
                    }
                    (Some(b','), in_object) => {
                        self.at += 1;
                        spaced |= self.space_seen();
                        if in_object {
                            spaced |= self.skip_key(strict)?;
                        }
                        break;
                    }
                    (_, true) => {
                        return Err(self.fault("',' or '}' is expected after a value in an object"));
                    }
                    (_, false) => {
                        return Err(self.fault("',' or ']' is expected after a value in an array"));
                    }
                }
            }
        }
    }

    /// A key, its colon and the spaces around.
    fn skip_key(&mut self, strict: bool) -> Result<bool, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault(KEY_EXPECTED));
        }
        self.skip_string(strict)?;
        let before = self.space_seen();
        self.expect(b':', COLON_EXPECTED)?;
        Ok(self.space_seen() | before)
    }

    fn space_seen(&mut self) -> bool {
        let start = self.at;
        self.space();
        self.at > start
    }
}

pub(crate) const VALUE_EXPECTED: &str =
    "a value is expected: a string in double quotes, a number, true, false, null, an object or an array";
pub(crate) const KEY_EXPECTED: &str = "a field name in double quotes is expected";
pub(crate) const COLON_EXPECTED: &str = "':' is expected after a field name";

/// The open brackets around a position, one bit each.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    /// The innermost brackets, up to 64; a set bit is an object.
    word: u64,
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.word);
        }
        self.word = self.word << 1 | u64::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.word >>= 1;
        self.depth -= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.word = self.outer.pop().unwrap_or_default();
        }
    }

    fn in_object(&self) -> bool {
        self.word & 1 == 1
    }
}

/// Appends the text of a value without the white space outside of its strings. The text must be valid JSON.
pub(crate) fn compact(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = plain_end(bytes, at + 1);
                while bytes.get(at) == Some(&b'\\') {
                    at = plain_end(bytes, (at + 2).min(bytes.len()));
                }
                at += 1;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&text[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[start..]);
}
