//! One batch to the store, over the network or the program's own way, and what its answer means. Knows nothing of
//! threads, queues or what events say.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::limits::{ANSWER_BYTES_MAX, BACKOFF_MIN, RETRY_AFTER_SECONDS_MAX};
use crate::settings::{Deliver, Settings};

/// What became of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// So many events are stored, and so many never will be.
    Stored { accepted: u64, rejected: u64 },
    /// It is too large as a whole; its halves may be taken.
    TooLarge,
    /// It will never be taken.
    Refused,
    /// It is to be sent again, after this wait if one is asked for. `maybe_stored` if nobody knows whether it is stored.
    Again { wait: Option<Duration>, maybe_stored: bool },
}

/// Events on their way to a store: the same again for each try.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// Unlike that of any other batch.
    pub id: &'a str,
    pub dataset: &'a str,
    /// A JSON object a line.
    pub ndjson: &'a [u8],
    /// How long it may take.
    pub most: Duration,
}

/// The way to the store.
pub(crate) enum Door<'a> {
    Network(Network),
    Given { deliver: &'a Deliver, dataset: String },
}

impl<'a> Door<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Door<'a> {
        match &settings.deliver {
            Some(deliver) => Door::Given { deliver, dataset: settings.dataset_name() },
            None => Door::Network(Network::new(settings)),
        }
    }

    /// Events as they go through it.
    pub(crate) fn body<'b>(&self, lines: impl Iterator<Item = &'b Vec<u8>>) -> std::io::Result<Vec<u8>> {
        match self {
            Door::Network(_) => {
                let mut body = GzEncoder::new(Vec::new(), Compression::fast());
                write(&mut body, lines)?;
                body.finish()
            }
            Door::Given { .. } => {
                let mut body = Vec::new();
                write(&mut body, lines)?;
                Ok(body)
            }
        }
    }

    /// Sends a body once.
    pub(crate) fn post(&self, id: &str, body: &[u8], most: Duration) -> Delivery {
        match self {
            Door::Network(network) => network.post(id, body, most),
            Door::Given { deliver, dataset } => {
                let batch = Batch { id, dataset, ndjson: body, most };
                // What fails this way would fail again.
                catch_unwind(AssertUnwindSafe(|| deliver(&batch))).unwrap_or(Delivery::Refused)
            }
        }
    }
}

fn write<'a>(body: &mut impl Write, lines: impl Iterator<Item = &'a Vec<u8>>) -> std::io::Result<()> {
    for line in lines {
        body.write_all(line)?;
        body.write_all(b"\n")?;
    }
    Ok(())
}

/// A connection to the store that is kept open.
#[derive(Debug)]
pub(crate) struct Network {
    agent: ureq::Agent,
    url: String,
    key: Option<String>,
}

impl Network {
    fn new(settings: &Settings) -> Network {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let base = settings.url.trim_end_matches('/');
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        let url = format!("{base}/api/v1/events/{}", encode(&settings.dataset_name()));
        let config = config.max_redirects_will_error(false).user_agent("outcrop-rust");
        Network { agent: config.build().new_agent(), url, key: settings.key.clone() }
    }

    fn post(&self, batch_id: &str, body: &[u8], most: Duration) -> Delivery {
        let mut request = self.agent.post(&self.url).config().timeout_global(Some(most)).build();
        request = request
            .header("Content-Type", "application/x-ndjson")
            .header("Content-Encoding", "gzip")
            .header("X-Outcrop-Batch-Id", batch_id);
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        match request.send(body) {
            Ok(mut answer) => {
                let mut text = Vec::new();
                let read = answer.body_mut().as_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut text);
                if read.is_err() {
                    return Delivery::Again { wait: None, maybe_stored: true };
                }
                let said = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
                judge(answer.status().as_u16(), said.and_then(|said| retry_after(said, SystemTime::now())), &text)
            }
            // What was refused before it was sent has surely not been stored; of the rest nobody knows.
            Err(error) => Delivery::Again { wait: None, maybe_stored: !was_never_sent(&error) },
        }
    }
}

fn was_never_sent(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::ConnectionFailed => {
            true
        }
        _ => false,
    }
}

fn encode(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// How long a server asks to wait, in seconds or by a date; nothing if it leaves that to us.
fn retry_after(said: &str, now: SystemTime) -> Option<Duration> {
    let seconds = match said.trim().parse() {
        Ok(seconds) => seconds,
        Err(_) => httpdate::parse_http_date(said.trim()).ok()?.duration_since(now).ok()?.as_secs_f64(),
    };
    // Less is no wait: a server that says 0 for ever would be asked without a pause.
    (seconds >= BACKOFF_MIN.as_secs_f64()).then(|| Duration::from_secs_f64(seconds.min(RETRY_AFTER_SECONDS_MAX)))
}

/// What an answer means.
fn judge(status: u16, wait: Option<Duration>, text: &[u8]) -> Delivery {
    match status {
        200 => stored(text),
        413 => Delivery::TooLarge,
        // A gateway that gave up waiting does not know what the store did.
        408 | 429 | 500.. => Delivery::Again { wait, maybe_stored: matches!(status, 408 | 500 | 502 | 504) },
        _ => Delivery::Refused,
    }
}

fn stored(text: &[u8]) -> Delivery {
    let answer: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    match (answer["accepted"].as_u64(), answer["rejected_total"].as_u64()) {
        (Some(accepted), Some(rejected)) => Delivery::Stored { accepted, rejected },
        _ => Delivery::Again { wait: None, maybe_stored: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_answer_means() {
        let stored = br#"{"accepted":1,"rejected":[],"rejected_total":2}"#;
        assert_eq!(judge(200, None, stored), Delivery::Stored { accepted: 1, rejected: 2 });
        let again = |maybe_stored| Delivery::Again { wait: None, maybe_stored };
        for (status, verdict) in [
            (200, again(true)),
            (204, Delivery::Refused),
            (302, Delivery::Refused),
            (400, Delivery::Refused),
            (408, again(true)),
            (413, Delivery::TooLarge),
            (429, again(false)),
            (503, again(false)),
            (504, again(true)),
        ] {
            assert_eq!(judge(status, None, b"<html>"), verdict, "{status}");
        }
    }
    #[test]
    fn waits_are_seconds_or_a_date_within_reason() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        for (said, seconds) in [
            (" 2 ", Some(2)),
            ("86400", Some(300)),
            ("Wed, 21 Oct 2015 07:28:45 GMT", Some(45)),
            ("Wednesday, 21-Oct-15 07:29:00 GMT", Some(60)),
            ("Thu, 22 Oct 2015 07:28:00 GMT", Some(300)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", None),
            ("Wed, 21 Oct 2015 07:27:00 GMT", None),
            ("0", None),
            ("-5", None),
            ("nan", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(said, now), seconds.map(Duration::from_secs), "{said:?}");
        }
    }
}
