//! The protobuf form: snappy, then streams and entries where they lie. Must not know what they become.

use std::borrow::Cow;

use outcrop_storage::memory::Reservation;

use super::labels::parse;
use super::{Entry, PAIRS_MAX, Pair, Pairs, Streams, malformed};
use crate::error::{DecodeError, reserve};
use crate::fault::{Fault, FaultKind};
use crate::protobuf::Fields;
use crate::time::from_seconds;

/// Undoes snappy's block format, which says at its beginning how many bytes come out.
pub(super) fn uncompressed(body: &[u8], bytes_max: usize, memory: &Reservation) -> Result<Vec<u8>, DecodeError> {
    let broken = |_| {
        DecodeError::malformed(
            "this is no push request: the body is not a block of snappy; send that, or JSON as application/json",
        )
    };
    let length = snap::raw::decompress_len(body).map_err(broken)?;
    if length > bytes_max {
        return Err(DecodeError::too_large(format!(
            "the body has more than {bytes_max} bytes uncompressed; send the entries in several smaller bodies"
        )));
    }
    // A block of snappy grows by at most 64 of 3 bytes; one that claims more is none, and gets no memory.
    if length / 22 > body.len() {
        return Err(broken(snap::Error::HeaderMismatch { expected_len: 0, got_len: 0 }));
    }
    reserve(memory, length)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(broken)
}

/// The streams of a `PushRequest`, each with its message.
pub(super) fn streams<'m>(message: &'m [u8], streams: &mut Streams<'_, &'m [u8]>) -> Result<(), Fault> {
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            let stream = wire.bytes()?;
            streams.keep(&labels(stream), stream);
        }
    }
    Ok(())
}

/// The labels of a stream.
pub(super) fn labels(stream: &[u8]) -> Result<Pairs<'_>, Fault> {
    let mut labels: &[u8] = b"{}";
    let mut fields = Fields::of(stream);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            labels = wire.bytes()?;
        }
    }
    utf8(labels).and_then(parse)
}

/// Calls `each` with the entries of a stream.
pub(super) fn each_entry<'a>(
    stream: &'a [u8],
    mut each: impl FnMut(Entry<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut fields = Fields::of(stream);
    while let Some((number, wire)) = fields.next().map_err(|fault| malformed(&fault))? {
        if number == 2 {
            let entry = wire.bytes().and_then(entry).map_err(|fault| malformed(&fault))?;
            each(entry)?;
        }
    }
    Ok(())
}

fn entry(message: &[u8]) -> Result<Entry<'_>, Fault> {
    let (mut seconds, mut nanoseconds) = (0, 0);
    let mut entry = Entry { time: Ok(0), line: Ok(Cow::Borrowed("")), metadata: Ok(Vec::new()), bytes: message.len() };
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => {
                let mut time = Fields::of(wire.bytes()?);
                while let Some((number, wire)) = time.next()? {
                    match number {
                        1 => seconds = wire.varint()? as i64,
                        2 => nanoseconds = wire.varint()? as u32,
                        _ => {}
                    }
                }
            }
            2 => entry.line = utf8(wire.bytes()?).map(Cow::Borrowed),
            3 => {
                let pair = pair(wire.bytes()?)?;
                match (&mut entry.metadata, pair) {
                    (Ok(metadata), Ok(_)) if metadata.len() == PAIRS_MAX => {
                        entry.metadata = Err(Fault::new(0, FaultKind::Fields { max: PAIRS_MAX }));
                    }
                    (Ok(metadata), Ok(pair)) => metadata.push(pair),
                    (Ok(_), Err(fault)) => entry.metadata = Err(fault),
                    (Err(_), _) => {}
                }
            }
            _ => {}
        }
    }
    entry.time = from_seconds(seconds, nanoseconds).ok_or_else(|| seconds.to_string());
    Ok(entry)
}

/// Name and value of a `LabelPairAdapter`.
fn pair(message: &[u8]) -> Result<Result<Pair<'_>, Fault>, Fault> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => name = wire.bytes()?,
            2 => value = wire.bytes()?,
            _ => {}
        }
    }
    Ok(utf8(name).and_then(|name| Ok((Cow::Borrowed(name), Cow::Borrowed(utf8(value)?)))))
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::new(0, FaultKind::NotUtf8))
}
