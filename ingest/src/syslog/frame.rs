//! Where messages begin and end in a stream (RFC 6587). Must not know what they say.

/// Digits of a length: a gigabyte has ten.
const LENGTH_DIGITS_MAX: usize = 10;

/// A stream that cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a message has more than {max} bytes")]
    TooLong { max: usize },
}

/// A message, and how many bytes of the stream it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) message: &'a [u8],
    pub(super) bytes: usize,
}

/// The message at the start of a stream; nothing if it is not whole yet. `at_end`: no more will come.
pub(super) fn first(stream: &[u8], bytes_max: usize, at_end: bool) -> Result<Option<Frame<'_>>, FrameError> {
    let too_long = Err(FrameError::TooLong { max: bytes_max });
    let digits = stream.iter().take(LENGTH_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let is_counted = match stream.get(digits) {
        Some(b' ') => digits > 0 && digits <= LENGTH_DIGITS_MAX,
        // Digits alone may be the beginning of either.
        None if digits > 0 && !at_end => return Ok(None),
        _ => false,
    };
    if is_counted {
        let length = stream[..digits].iter().fold(0_usize, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        if length > bytes_max {
            return too_long;
        }
        let message = &stream[digits + 1..];
        return Ok(match message.get(..length) {
            Some(message) => Some(Frame { message, bytes: digits + 1 + length }),
            None if at_end => Some(Frame { message, bytes: stream.len() }),
            None => None,
        });
    }
    let (message, bytes) = match memchr::memchr(b'\n', stream) {
        Some(end) => (&stream[..end], end + 1),
        None if stream.len() > bytes_max => return too_long,
        None if at_end && !stream.is_empty() => (stream, stream.len()),
        None => return Ok(None),
    };
    let message = message.strip_suffix(b"\r").unwrap_or(message);
    let message = message.strip_suffix(b"\0").unwrap_or(message);
    if message.len() > bytes_max { too_long } else { Ok(Some(Frame { message, bytes })) }
}

#[cfg(test)]
mod tests {
    use super::{FrameError, first};

    fn all(stream: &[u8], at_end: bool) -> (Vec<String>, usize) {
        let (mut messages, mut at) = (Vec::new(), 0);
        while let Some(frame) = first(&stream[at..], 40, at_end).unwrap() {
            messages.push(String::from_utf8_lossy(frame.message).into_owned());
            at += frame.bytes;
        }
        (messages, at)
    }

    #[test]
    fn streams_of_both_kinds() {
        for (stream, at_end, messages, rest) in [
            (&b"<1>a\n<2>b\n"[..], false, &["<1>a", "<2>b"][..], ""),
            (b"<1>a\r\n<2>b\0\n<3>c", false, &["<1>a", "<2>b"], "<3>c"),
            (b"<1>a\n<3>c", true, &["<1>a", "<3>c"], ""),
            (b"4 <1>a5 <2>\nb<3>c\n", false, &["<1>a", "<2>\nb", "<3>c"], ""),
            (b"4 <1>a5 <2", false, &["<1>a"], "5 <2"),
            (b"4 <1>a5 <2", true, &["<1>a", "<2"], ""),
            (b"4 <1>a12", false, &["<1>a"], "12"),
            (b"12", true, &["12"], ""),
            (b"2026-11-20 no priority\n", false, &["2026-11-20 no priority"], ""),
            (b"12345678901 x\n", false, &["12345678901 x"], ""),
            (b"0 1 x", false, &["", "x"], ""),
            (b"\n\n", false, &["", ""], ""),
            (b"", true, &[], ""),
        ] {
            let (found, at) = all(stream, at_end);
            assert_eq!(
                (found.as_slice(), &stream[at..]),
                (messages.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>().as_slice(), rest.as_bytes()),
                "{stream:?}"
            );
        }
    }

    #[test]
    fn messages_are_bounded() {
        let too_long = Err(FrameError::TooLong { max: 5 });
        for stream in [&b"6 <1>abc"[..], b"9999999999 <", b"<1>abc\n", b"<1>abc"] {
            assert_eq!(first(stream, 5, false), too_long, "{stream:?}");
        }
        assert!(matches!(first(b"<1>ab\r\n", 5, false), Ok(Some(frame)) if frame.message == b"<1>ab"));
        assert_eq!(first(b"5 <1>a", 5, false), Ok(None));
    }
}
