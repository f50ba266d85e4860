//! What the program says, and what the environment says where it says nothing.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::delivery::{Batch, Delivery};
use crate::limits;
use crate::value::{self, Value};

/// Takes batches in place of the network, in the sender's thread.
pub type Deliver = Box<dyn Fn(&Batch<'_>) -> Delivery + Send + Sync>;

type Redact = Box<dyn Fn(Map<String, Json>) -> Option<Map<String, Json>> + Send + Sync>;

/// Settings of `init`; docs/intent.md says what each means.
#[non_exhaustive]
pub struct Settings {
    pub service: String,
    pub url: String,
    pub key: Option<String>,
    pub dataset: String,
    pub version: Option<String>,
    pub environment: Option<String>,
    pub fields: Vec<(String, Value)>,
    pub sample_rate: u32,
    /// Is given each event's fields and returns what may leave; nothing drops the event.
    pub redact: Option<Redact>,
    /// Takes what is to be sent, for a program that has a way of its own to its store. `url` and `key` say nothing then.
    pub deliver: Option<Deliver>,
    pub queue_events_max: usize,
    pub queue_bytes_max: usize,
    pub batch_events_max: usize,
    pub batch_bytes_max: usize,
    pub flush: Duration,
    pub request_max: Duration,
    pub exit_max: Duration,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("service", &self.service).field("url", &self.url).finish_non_exhaustive()
    }
}

impl Settings {
    /// The defaults, over which the environment goes.
    pub fn new(service: &str) -> Settings {
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Settings {
            service: service.to_owned(),
            url: said("OUTCROP_URL").unwrap_or_else(|| "http://127.0.0.1:4318".to_owned()),
            key: said("OUTCROP_KEY"),
            dataset: said("OUTCROP_DATASET").unwrap_or_else(|| service.to_owned()),
            version: said("OUTCROP_SERVICE_VERSION"),
            environment: said("OUTCROP_ENVIRONMENT"),
            fields: Vec::new(),
            sample_rate: 1,
            redact: None,
            deliver: None,
            queue_events_max: limits::QUEUE_EVENTS_MAX,
            queue_bytes_max: limits::QUEUE_BYTES_MAX,
            batch_events_max: limits::BATCH_EVENTS_MAX,
            batch_bytes_max: limits::BATCH_BYTES_MAX,
            flush: limits::FLUSH,
            request_max: limits::REQUEST_MAX,
            exit_max: limits::EXIT_MAX,
        }
    }

    pub(crate) fn is_disabled() -> bool {
        std::env::var("OUTCROP_DISABLED").is_ok_and(|value| matches!(value.to_lowercase().as_str(), "1" | "true"))
    }

    /// The dataset's name as the store takes it.
    pub(crate) fn dataset_name(&self) -> String {
        let right: String = self.dataset.chars().map(|c| if ",*/\\".contains(c) { '-' } else { c }).collect();
        let right = right.trim();
        if right.is_empty() { "unknown_service".to_owned() } else { right.to_owned() }
    }

    /// The fields of every event of this process.
    pub(crate) fn constants(&self) -> Map<String, Json> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
        let id = fastrand::u128(..);
        let mut fields: Map<String, Json> = [
            ("service.name", self.service.as_str().into()),
            ("service.version", self.version.clone().into()),
            ("service.instance.id", format!("{id:032x}").into()),
            ("deployment.environment.name", self.environment.clone().into()),
            ("host.name", host.map(|name| name.trim().to_owned()).into()),
            ("process.pid", std::process::id().into()),
            ("telemetry.sdk.name", "outcrop".into()),
            ("telemetry.sdk.language", "rust".into()),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION").into()),
        ]
        .into_iter()
        .map(|(name, value): (&str, Json)| (name.to_owned(), value))
        .collect();
        fields.extend(self.fields.iter().map(|(name, value)| (value::name(name), value.clone().into_json())));
        fields.retain(|_, value| !value.is_null());
        fields
    }
}
