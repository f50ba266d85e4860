//! Compressed bodies, whole, broken, and made to burst.

use std::borrow::Cow;
use std::io::Write;

use super::Encoding;
use crate::error::DecodeError;
use crate::tests::memory;

const LIMIT: usize = 1 << 20;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(body).unwrap();
    writer.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 1).unwrap()
}

fn inflate(encoding: Encoding, body: &[u8], bytes_max: usize) -> Result<Cow<'_, [u8]>, DecodeError> {
    super::inflate(encoding, body, bytes_max, &memory())
}

type Compress = fn(&[u8]) -> Vec<u8>;

fn codings() -> [(Encoding, Compress); 2] {
    [(Encoding::Gzip, gzip), (Encoding::Zstd, zstd)]
}

#[test]
fn headers() {
    let cases = [
        (None, Encoding::Identity),
        (Some(""), Encoding::Identity),
        (Some("identity"), Encoding::Identity),
        (Some("gzip"), Encoding::Gzip),
        (Some(" GZip "), Encoding::Gzip),
        (Some("x-gzip"), Encoding::Gzip),
        (Some("zstd"), Encoding::Zstd),
    ];
    for (header, expected) in cases {
        assert_eq!(Encoding::from_header(header), Ok(expected), "{header:?}");
    }
    for header in ["br", "deflate", "gzip, zstd", "secret"] {
        let error = Encoding::from_header(Some(header)).unwrap_err();
        assert_eq!(error, DecodeError::UnsupportedEncoding {});
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn a_plain_body_is_not_copied() {
    assert!(matches!(inflate(Encoding::Identity, b"{}", 2), Ok(Cow::Borrowed(b"{}"))));
    assert!(matches!(inflate(Encoding::Identity, b"{}", 1), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn whole_bodies_come_back() {
    let body: Vec<u8> = (0..300_000_u32).flat_map(|number| (number % 1_000).to_le_bytes()).collect();
    for (encoding, compress) in codings() {
        let compressed = compress(&body);
        assert_eq!(inflate(encoding, &compressed, 2 * LIMIT).unwrap(), body, "{encoding:?}");
        let twice = [compressed.clone(), compressed].concat();
        assert_eq!(
            inflate(encoding, &twice, 4 * LIMIT).unwrap(),
            [body.clone(), body.clone()].concat(),
            "{encoding:?}"
        );
        assert_eq!(*inflate(encoding, &compress(b""), LIMIT).unwrap(), *b"", "{encoding:?}");
        assert_eq!(*inflate(encoding, &compress(b"{}"), 2).unwrap(), *b"{}", "{encoding:?}");
    }
}

#[test]
fn broken_bodies_are_malformed() {
    for (encoding, compress) in codings() {
        let whole = compress(b"{\"a\":1}");
        for end in 0..whole.len() {
            let result = inflate(encoding, &whole[..end], LIMIT);
            assert!(matches!(result, Err(DecodeError::Malformed { .. })), "{encoding:?} cut at {end}: {result:?}");
        }
        for tail in [&b"x"[..], b"\0", b"{\"a\":1}\n{\"a\":1}\n{\"a\":1}"] {
            let longer = [&whole, tail].concat();
            let result = inflate(encoding, &longer, LIMIT);
            assert!(matches!(result, Err(DecodeError::Malformed { .. })), "{encoding:?} and {tail:?}: {result:?}");
        }
    }
    let mut changed = gzip(b"{}");
    let checksum = changed.len() - 8;
    changed[checksum] ^= 1;
    let result = inflate(Encoding::Gzip, &changed, LIMIT);
    assert!(matches!(result, Err(DecodeError::Malformed { .. })), "{result:?}");
    for (encoding, body) in
        [(Encoding::Zstd, gzip(b"{}")), (Encoding::Gzip, zstd(b"{}")), (Encoding::Gzip, b"{}".to_vec())]
    {
        assert!(matches!(inflate(encoding, &body, LIMIT), Err(DecodeError::Malformed { .. })));
    }
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    for (encoding, compress) in codings() {
        let bomb = compress(&zeros);
        assert!(bomb.len() < 512 << 10, "{encoding:?}");
        assert!(matches!(inflate(encoding, &bomb, LIMIT), Err(DecodeError::TooLarge { .. })), "{encoding:?}");
        let inflated = inflate(encoding, &bomb, zeros.len()).unwrap().into_owned();
        assert_eq!((inflated.len(), inflated.capacity()), (zeros.len(), zeros.len()), "{encoding:?}");
    }
}

#[test]
fn a_window_over_8_mib_is_refused() {
    let framed = |window_log: u32| {
        let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        writer.window_log(window_log).unwrap();
        writer.write_all(b"{\"a\":1}").unwrap();
        writer.finish().unwrap()
    };
    assert_eq!(*inflate(Encoding::Zstd, &framed(23), LIMIT).unwrap(), *b"{\"a\":1}");
    assert!(matches!(inflate(Encoding::Zstd, &framed(24), LIMIT), Err(DecodeError::Malformed { .. })));
}
