//! Reading past the page cache. It must not know what is read.

use std::io;
use std::path::Path;

/// What the device wants offsets, lengths and buffers to be multiples of, at most.
#[cfg(target_os = "linux")]
const ALIGNMENT: usize = 4_096;

/// Reads `length` bytes from `offset` from the device. The error is `EINVAL` where that is not possible.
#[cfg(target_os = "linux")]
pub(super) fn read(path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::{FileExt, OpenOptionsExt};

    let file = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path)?;
    let skipped = (offset % ALIGNMENT as u64) as usize;
    let start = offset - skipped as u64;
    let wanted = (skipped + length).next_multiple_of(ALIGNMENT);
    let mut space = vec![0; wanted + ALIGNMENT];
    let aligned = space.as_ptr().align_offset(ALIGNMENT);
    let buffer = &mut space[aligned..aligned + wanted];
    let mut filled = 0;
    while filled < skipped + length {
        match file.read_at(&mut buffer[filled..], start + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            // Only at its end does a file give less than it was asked for.
            read => filled += read,
        }
    }
    Ok(buffer[skipped..skipped + length].to_vec())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read(_: &Path, _: u64, _: usize) -> io::Result<Vec<u8>> {
    Err(io::Error::from_raw_os_error(libc::EINVAL))
}
