//! Undoes a body's compression, with a bound on what comes out.
//!
//! Must not know what the bytes mean.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Read;

use outcrop_storage::memory::Reservation;

use crate::error::{DecodeError, reserve};

/// A body's `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    /// RFC 1952, several members allowed.
    Gzip,
    /// RFC 8878, several frames allowed, window at most 8 MiB (RFC 9659).
    Zstd,
}

/// Largest zstd window, as a power of two: the 8 MiB that RFC 9659 sets for HTTP. A decoder allocates the window that
/// the frame asks for, so without a bound ten bytes could take gigabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Bytes inflated at a time.
const STEP_BYTES: usize = 64 << 10;

impl Encoding {
    /// Reads a `Content-Encoding` header; absent or empty means [`Encoding::Identity`].
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnsupportedEncoding`] for anything else than `identity`, `gzip` (`x-gzip`) or `zstd`, also for a list.
    pub fn from_header(value: Option<&str>) -> Result<Encoding, DecodeError> {
        match value.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Encoding::Identity),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            "zstd" => Ok(Encoding::Zstd),
            _ => Err(DecodeError::UnsupportedEncoding {}),
        }
    }
}

/// The body as it was before compression; an uncompressed one is borrowed, not copied.
///
/// # Errors
///
/// [`DecodeError::TooLarge`] beyond `bytes_max`, with no more than that and one step allocated, and never more than is
/// reserved in `memory`;
/// [`DecodeError::Malformed`] if the body does not inflate to its very end.
pub(crate) fn inflate<'a>(
    encoding: Encoding,
    body: &'a [u8],
    bytes_max: usize,
    memory: &Reservation,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    let inflated = |reader: &mut dyn Read, name| read_bounded(reader, name, bytes_max, memory).map(Cow::Owned);
    match encoding {
        Encoding::Identity if body.len() > bytes_max => Err(too_large(bytes_max)),
        Encoding::Identity => Ok(Cow::Borrowed(body)),
        _ if body.is_empty() => Err(DecodeError::malformed(
            "the body is empty although a Content-Encoding is given; send a compressed body or leave the header out",
        )),
        Encoding::Gzip => inflated(&mut flate2::bufread::MultiGzDecoder::new(body), "gzip"),
        Encoding::Zstd => {
            let mut reader = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| broken("zstd", 0))?;
            reader.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| broken("zstd", 0))?;
            inflated(&mut reader, "zstd")
        }
    }
}

fn read_bounded(
    reader: &mut dyn Read,
    name: &str,
    bytes_max: usize,
    memory: &Reservation,
) -> Result<Vec<u8>, DecodeError> {
    let mut step = vec![0; STEP_BYTES];
    let mut out = Vec::new();
    loop {
        let read = match reader.read(&mut step) {
            Ok(0) => return Ok(out),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(broken(name, out.len())),
        };
        let needed = out.len() + read;
        if needed > bytes_max {
            return Err(too_large(bytes_max));
        }
        if needed > out.capacity() {
            // Doubling, but never past the limit: `Vec` on its own would overshoot it by up to two.
            let capacity = (out.capacity() * 2).max(needed).min(bytes_max);
            reserve(memory, capacity - out.capacity())?;
            out.reserve_exact(capacity - out.len());
        }
        out.extend_from_slice(&step[..read]);
    }
}

fn too_large(bytes_max: usize) -> DecodeError {
    DecodeError::too_large(format!(
        "the body has more than {bytes_max} bytes uncompressed; send the events in several smaller bodies"
    ))
}

fn broken(name: &str, inflated: usize) -> DecodeError {
    DecodeError::malformed(format!(
        "the body is not {name} to its end: it broke after {inflated} inflated bytes; send it again, whole, with nothing \
         after it, made with a window of at most 8 MiB"
    ))
}
