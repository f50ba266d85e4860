//! Every bound of the audit log: value, unit, reason.

use std::time::Duration;

/// Bytes of a file before the next is begun: what one reading holds in memory.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;
/// Bytes of all files of changes; the oldest go. Some two hundred thousand changes.
pub(super) const CHANGES_BYTES_MAX: u64 = 64 << 20;
/// Bytes of all files of questions; the oldest go. Half a million questions.
pub(super) const QUESTIONS_BYTES_MAX: u64 = 192 << 20;
/// Bytes of what one record tells, as JSON. Of more it has the beginning.
pub(super) const WHAT_BYTES_MAX: usize = 8 << 10;
/// Bytes that are kept of the beginning.
pub(super) const BEGINNING_BYTES: usize = 2 << 10;
/// Bytes of a line that is read back: what is told, twice for escapes, and what goes with it.
pub(super) const LINE_BYTES_MAX: u64 = 64 << 10;
/// Records that wait to be written, 2 MiB of them. Whoever comes then waits for room.
pub(super) const WAITING_MAX: usize = 256;
/// Records that wait before the interval is cut short.
pub(super) const WAITING_ENOUGH: usize = WAITING_MAX / 2;
/// How long questions wait for one another: each time is an fsync.
pub(super) const INTERVAL: Duration = Duration::from_millis(250);
/// How long refusals are gathered: whoever makes many of them must not push out what others asked.
pub(super) const REFUSALS_INTERVAL: Duration = Duration::from_secs(60);
/// Different refusals of one interval that get a record each; the others are counted in one.
pub(super) const REFUSALS_MAX: usize = 64;
/// Readings at once: each holds a file of each chain.
pub(super) const READINGS_MAX: usize = 4;
