//! Protobuf's wire form: one field at a time, borrowed from the message, never recursive. Must not know any message.
//!
//! Reading fields where they lie keeps what a tree of messages would cost: two bytes of a hostile body would become three
//! hundred of memory. Fields come in any order and number; those that nobody knows are passed over.

#[cfg(test)]
pub(crate) mod testing;

use crate::fault::{Fault, FaultKind};

/// Groups within each other that are passed over; nobody sends them any more.
const GROUPS_MAX: usize = 64;

/// What a field holds, by how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

/// The fields of a message that are left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// A message that is none. Nothing of its body can be relied on.
#[cold]
fn broken(what: &'static str) -> Fault {
    Fault::new(0, FaultKind::Syntax(what))
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message }
    }

    /// The next field and its number.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, Fault> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let (number, kind) = self.tag()?;
            if let Some(wire) = self.wire(kind)? {
                return Ok(Some((number, wire)));
            }
            self.skip_group(number)?;
        }
    }

    fn tag(&mut self) -> Result<(u32, u8), Fault> {
        let tag = self.varint()?;
        match u32::try_from(tag >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok((number, (tag & 7) as u8)),
            _ => Err(broken("a field has a number that none can have")),
        }
    }

    /// A value of this wire type; nothing for the start of a group.
    #[inline]
    fn wire(&mut self, kind: u8) -> Result<Option<Wire<'a>>, Fault> {
        Ok(Some(match kind {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            3 => return Ok(None),
            4 => return Err(broken("a group ends that did not begin")),
            _ => return Err(broken("a field is of a wire type that does not exist")),
        }))
    }

    /// Passes over the rest of a group with all groups in it.
    #[cold]
    fn skip_group(&mut self, number: u32) -> Result<(), Fault> {
        let mut open = vec![number];
        while let Some(innermost) = open.last() {
            let (number, kind) = self.tag()?;
            if kind == 4 {
                if number != *innermost {
                    return Err(broken("a group ends in another"));
                }
                open.pop();
            } else if self.wire(kind)?.is_none() {
                open.push(number);
                if open.len() > GROUPS_MAX {
                    return Err(broken("groups are nested too deep"));
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for (at, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(broken(if self.rest.len() < 10 { "it ends in the middle of a number" } else { "a number has no end" }))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| broken("a field goes beyond its message"))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

impl<'a> Wire<'a> {
    #[inline]
    pub(crate) fn bytes(self) -> Result<&'a [u8], Fault> {
        match self {
            Wire::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong_type()),
        }
    }

    #[inline]
    pub(crate) fn varint(self) -> Result<u64, Fault> {
        match self {
            Wire::Varint(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }

    #[inline]
    pub(crate) fn fixed64(self) -> Result<u64, Fault> {
        match self {
            Wire::Fixed64(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }

    #[inline]
    pub(crate) fn fixed32(self) -> Result<u32, Fault> {
        match self {
            Wire::Fixed32(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }

    pub(crate) fn double(self) -> Result<f64, Fault> {
        Ok(f64::from_bits(self.fixed64()?))
    }

    /// A signed number whose sign is its lowest bit.
    pub(crate) fn zigzag(self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Calls `each` with every number of a repeated field, packed or not.
    pub(crate) fn each_fixed64(self, mut each: impl FnMut(u64)) -> Result<(), Fault> {
        match self {
            Wire::Fixed64(value) => each(value),
            Wire::Bytes(packed) => {
                let (numbers, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(broken("packed numbers end in the middle of one"));
                }
                numbers.iter().for_each(|bytes| each(u64::from_le_bytes(*bytes)));
            }
            _ => return Err(wrong_type()),
        }
        Ok(())
    }

    /// The same for numbers of varying length.
    pub(crate) fn each_varint(self, mut each: impl FnMut(u64)) -> Result<(), Fault> {
        match self {
            Wire::Varint(value) => each(value),
            Wire::Bytes(packed) => {
                let mut numbers = Fields::of(packed);
                while !numbers.rest.is_empty() {
                    each(numbers.varint()?);
                }
            }
            _ => return Err(wrong_type()),
        }
        Ok(())
    }
}

#[cold]
fn wrong_type() -> Fault {
    broken("a field is of another type than its message says")
}

/// Writes fields of a message behind each other.
pub(crate) mod write {
    pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    pub(crate) fn tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
        varint(out, u64::from(number << 3 | wire_type));
    }

    pub(crate) fn varint_field(out: &mut Vec<u8>, number: u32, value: u64) {
        tag(out, number, 0);
        varint(out, value);
    }

    pub(crate) fn bytes_field(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
        tag(out, number, 2);
        varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}
