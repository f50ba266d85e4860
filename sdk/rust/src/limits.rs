//! Every bound of the SDK, with its unit and its reason.

use std::time::Duration;

/// Fields of a unit that the code may note. The store takes 2,000, and ours come on top.
pub(crate) const FIELDS_MAX: usize = 1_000;
/// Bytes of a text. The store cuts at 64 KiB and says so: with more, it does.
pub(crate) const TEXT_BYTES_MAX: usize = (64 << 10) + 4;
/// Bytes of a field's name, as the store takes them.
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// Intents that one program may declare while it runs: more are names made of data.
pub(crate) const INTENTS_MAX: usize = 10_000;
/// Characters of an intent's name that is made from its text.
pub(crate) const SLUG_CHARACTERS_MAX: usize = 64;
/// Events that wait.
pub(crate) const QUEUE_EVENTS_MAX: usize = 50_000;
/// Bytes, about, of the events that wait.
pub(crate) const QUEUE_BYTES_MAX: usize = 16 << 20;
/// Events of one request: some hundred bytes each make a body that a server takes in a few milliseconds.
pub(crate) const BATCH_EVENTS_MAX: usize = 1_000;
/// Bytes of one request before compression.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long an event waits for others.
pub(crate) const FLUSH: Duration = Duration::from_secs(1);
/// How long a request may take.
pub(crate) const REQUEST_MAX: Duration = Duration::from_secs(10);
/// How long the end of the program may take.
pub(crate) const EXIT_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
pub(crate) const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a tracestate that go on: as many as the W3C wants of everybody.
pub(crate) const STATE_BYTES_MAX: usize = 512;
/// The wait before the second try; doubled for each further one.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest wait between two tries, unless the server asks for more.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Seconds of a Retry-After that are believed.
pub(crate) const RETRY_AFTER_SECONDS_MAX: f64 = 300.0;
/// From the first try that may have been stored to the last: the store knows a batch id for 900 seconds.
pub(crate) const UNCONFIRMED_MAX: Duration = Duration::from_secs(840);
/// Between two warnings about dropped events, and before intents that were refused are announced again.
pub(crate) const WARNING: Duration = Duration::from_secs(60);
