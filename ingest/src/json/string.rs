//! Strings: found eight bytes at a time, borrowed where they hold no escapes. Must not know what they mean.

use super::scan::Scanner;
use crate::fault::{Fault, FaultKind};

/// A string, borrowed if it holds no escapes, else appended to the scratch that was passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Plain(&'a str),
    Scratch(std::ops::Range<usize>),
}

impl<'a> Scanner<'a> {
    /// A string, from its opening quote to behind its closing one.
    #[inline]
    pub(crate) fn string(&mut self, scratch: &mut String) -> Result<Token<'a>, Fault> {
        let start = self.at + 1;
        self.at = plain_end(self.text.as_bytes(), start);
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Token::Plain(&self.text[start..self.at - 1]));
        }
        self.escaped_string(start, scratch)
    }

    /// The rest of a string whose first `start..self.at` bytes are plain.
    fn escaped_string(&mut self, mut start: usize, scratch: &mut String) -> Result<Token<'a>, Fault> {
        let begin = scratch.len();
        loop {
            scratch.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Token::Scratch(begin..scratch.len()));
                }
                Some(b'\\') => scratch.push(self.escape()?),
                _ => return Err(self.unfinished_string()),
            }
            start = self.at;
            self.at = plain_end(self.text.as_bytes(), start);
        }
    }

    /// Passes over a string; a lone surrogate is a fault only if `strict`.
    pub(super) fn skip_string(&mut self, strict: bool) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.at = plain_end(self.text.as_bytes(), self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => match self.escape() {
                    Ok(_) => {}
                    Err(fault) if fault.kind == FaultKind::Surrogate && !strict => {}
                    Err(fault) => return Err(fault),
                },
                _ => return Err(self.unfinished_string()),
            }
        }
    }

    #[cold]
    fn unfinished_string(&self) -> Fault {
        self.fault("a string holds a control character; write it as an escape, or end the string before it")
    }

    /// An escape, from its backslash. After a lone surrogate the position is behind it.
    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            _ => {
                return Err(self.fault("a backslash in a string must be followed by one of \" \\ / b f n r t u"));
            }
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, Fault> {
        let first = self.hex4()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let after_first = self.at;
        if first < 0xdc00 && self.rest().starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                if let Some(character) = char::from_u32(code) {
                    return Ok(character);
                }
            }
            // What follows is an escape of its own.
            self.at = after_first;
        }
        Err(Fault::new(start, FaultKind::Surrogate))
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code =
                code * 16 + digit.ok_or_else(|| self.fault("\\u in a string must be followed by four hex digits"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Where the run of bytes from `at` ends that mean themselves in a string: at a quote, a backslash, a control character
/// or the end. Eight bytes at a time: most strings of events are 8 to 40 bytes long.
#[inline]
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // A subtraction borrows in exactly the bytes that are zero, or below the bound, up to and including the first such;
    // only the first is looked at.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while at < bytes.len() && !matches!(bytes[at], b'"' | b'\\' | 0..0x20) {
        at += 1;
    }
    at
}
