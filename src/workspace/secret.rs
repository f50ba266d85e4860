//! Secrets: random texts that are shown once and stored as hashes. Must not know what they open.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{WorkspaceError, limits};

/// How a key begins, so that scanners for leaked secrets, and people, know one when they see it.
const KEY_PREFIX: &str = "outcrop_";

/// The text itself. Its `Debug` says nothing, so that no log can have it.
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub(super) fn key() -> Result<Secret, WorkspaceError> {
        Ok(Secret(format!("{KEY_PREFIX}{}", text(random::<32>()?))))
    }

    pub(super) fn session() -> Result<Secret, WorkspaceError> {
        Ok(Secret(text(random::<32>()?)))
    }

    /// For the one time that it is shown.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> Hash {
        Hash(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// What is stored of a secret, and found again by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hash(pub(super) [u8; 32]);

impl Hash {
    /// The hash of a text that somebody sent; none if it cannot be a secret of ours.
    pub(super) fn of(sent: &str) -> Option<Hash> {
        (sent.len() <= limits::SECRET_BYTES_MAX).then(|| Hash(Sha256::digest(sent.as_bytes()).into()))
    }
}

/// An id that nobody can foresee and everybody may see.
pub(crate) fn random_id() -> Result<String, WorkspaceError> {
    Ok(random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], WorkspaceError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|e| WorkspaceError::Randomness(e.to_string()))?;
    Ok(bytes)
}

fn text(bytes: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
