//! MessagePack: one token at a time, borrowed from the body, never recursive. Must not know what the tokens mean.
//!
//! The format is small enough that reading it here keeps what a tree of values would cost: a byte of a hostile body would
//! become thirty of memory.

use std::ops::Range;

use crate::fault::{Fault, FaultKind};

/// A value, or the head of one that has others in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Boolean(bool),
    Integer(i64),
    /// An integer that has no place in 64 bits with sign.
    Unsigned(u64),
    Float(f64),
    /// A string; nothing was checked.
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many pairs of values follow.
    Map(usize),
    Extension(i8, &'a [u8]),
}

/// A position in a body.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn set_at(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn bytes(&self, range: Range<usize>) -> &'a [u8] {
        &self.bytes[range]
    }

    /// The next token. At the end of the body that is a fault.
    pub(super) fn token(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        Ok(match self.byte()? {
            head @ 0x00..=0x7f => Token::Integer(i64::from(head)),
            head @ 0x80..=0x8f => Token::Map(usize::from(head & 0x0f)),
            head @ 0x90..=0x9f => Token::Array(usize::from(head & 0x0f)),
            head @ 0xa0..=0xbf => Token::Text(self.take(usize::from(head & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(Fault::new(start, FaultKind::Syntax("the byte c1 begins no MessagePack value"))),
            0xc2 => Token::Boolean(false),
            0xc3 => Token::Boolean(true),
            head @ 0xc4..=0xc6 => Token::Binary(self.sized(head - 0xc4)?),
            head @ 0xc7..=0xc9 => {
                let length = self.length(head - 0xc7)?;
                self.extension(length)?
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Integer(i64::from(self.byte()?)),
            0xcd => Token::Integer(i64::from(u16::from_be_bytes(self.array()?))),
            0xce => Token::Integer(i64::from(u32::from_be_bytes(self.array()?))),
            0xcf => {
                let value = u64::from_be_bytes(self.array()?);
                i64::try_from(value).map_or(Token::Unsigned(value), Token::Integer)
            }
            0xd0 => Token::Integer(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Token::Integer(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Token::Integer(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Token::Integer(i64::from_be_bytes(self.array()?)),
            head @ 0xd4..=0xd8 => self.extension(1 << (head - 0xd4))?,
            head @ 0xd9..=0xdb => Token::Text(self.sized(head - 0xd9)?),
            head @ 0xdc..=0xdd => Token::Array(self.length(head - 0xdb)?),
            head @ 0xde..=0xdf => Token::Map(self.length(head - 0xdd)?),
            head @ 0xe0..=0xff => Token::Integer(i64::from(head as i8)),
        })
    }

    /// Passes over a value with all that is in it.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let mut left = 1_u64;
        while left > 0 {
            left -= 1;
            left += match self.token()? {
                Token::Array(length) => length as u64,
                Token::Map(length) => length as u64 * 2,
                _ => 0,
            };
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or_else(|| Fault::new(self.bytes.len(), FaultKind::Ended))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A length in one, two or four bytes: `width` is 0, 1 or 2.
    fn length(&mut self, width: u8) -> Result<usize, Fault> {
        Ok(match width {
            0 => usize::from(self.byte()?),
            1 => usize::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    fn sized(&mut self, width: u8) -> Result<&'a [u8], Fault> {
        let length = self.length(width)?;
        self.take(length)
    }

    fn extension(&mut self, length: usize) -> Result<Token<'a>, Fault> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Token::Extension(kind, self.take(length)?))
    }
}

/// Seconds and nanoseconds of a timestamp extension (type -1), nothing for others.
pub(super) fn timestamp(kind: i8, bytes: &[u8]) -> Option<(i64, u32)> {
    if kind != -1 {
        return None;
    }
    match *bytes {
        [a, b, c, d] => Some((i64::from(u32::from_be_bytes([a, b, c, d])), 0)),
        [a, b, c, d, e, f, g, h] => {
            let both = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            Some(((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32))
        }
        [a, b, c, d, ref seconds @ ..] => {
            let seconds: [u8; 8] = seconds.try_into().ok()?;
            Some((i64::from_be_bytes(seconds), u32::from_be_bytes([a, b, c, d])))
        }
        _ => None,
    }
}
