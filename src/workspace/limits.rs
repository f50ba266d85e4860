//! Every bound of the workspace: value, unit, reason.

use std::time::Duration;

/// Keys that are not revoked: as many as an installation has services and people. All are in memory.
pub(crate) const KEYS_MAX: i64 = 1_000;
/// Revoked keys that are remembered: who it was that a key's id names.
pub(crate) const KEYS_REVOKED_MAX: i64 = 1_000;
/// Datasets that one scope of a key may be limited to. More is a key for all of them.
pub(crate) const KEY_DATASETS_MAX: usize = 100;
/// Bytes of a key's name.
pub(crate) const KEY_NAME_BYTES_MAX: usize = 200;
/// What a key's limit a second may be at most. More is none.
pub(crate) const KEY_PER_SECOND_MAX: u32 = 1_000_000_000;
/// Sessions at once; the oldest ends when there would be more. All are in memory.
pub(crate) const SESSIONS_MAX: i64 = 10_000;
/// Seconds that a session lasts: a working day.
pub(crate) const SESSION_SECONDS: i64 = 12 * 3_600;
/// Seconds between two notes that a key was used: each is a write and an fsync.
pub(crate) const LAST_USED_SECONDS: i64 = 300;
/// Bytes of the body of one thing: a board of a hundred panels has some fifty thousand.
pub(crate) const THING_BYTES_MAX: usize = 256 << 10;
/// How long a process waits for another that is writing: none writes more than a few rows.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a text that may be a key or a session. Longer ones are none, and are not hashed.
pub(crate) const SECRET_BYTES_MAX: usize = 64;
