//! A value as a name for itself that nobody can read back without the secret: equal values have equal names.

use std::fmt::{self, Write};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a hashed value begins with.
const PREFIX: &str = "hashed:";
/// Bytes of a name: by accident two values never have one.
const BYTES: usize = 16;

/// Whether a text is such a name.
pub(super) fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX);
    digits.is_some_and(|digits| digits.len() == 2 * BYTES && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[derive(Clone)]
pub(super) struct Hasher(Hmac<Sha256>);

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    pub(super) fn new(secret: &[u8]) -> Hasher {
        // Keys of any length are taken: long ones are hashed first.
        Hasher(Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    pub(super) fn hash(&self, value: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(value.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut text = String::with_capacity(PREFIX.len() + 2 * BYTES);
        text.push_str(PREFIX);
        for byte in &digest[..BYTES] {
            // Writing to a string does not fail.
            let _written = write!(text, "{byte:02x}");
        }
        text
    }
}
