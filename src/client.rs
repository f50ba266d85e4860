//! A client of Outcrop's own HTTP API, for the command line and the demo. Must not know how the server works.

use std::io::Read;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_rustls::rustls::{self, CertificateError};
use ureq::http::{HeaderValue, Request, Response};
use ureq::middleware::MiddlewareNext;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Seconds to wait for an answer: longer than any deadline of the server.
const ANSWER_SECONDS_MAX: u64 = 660;
/// Seconds to wait for the answer to events.
const EVENTS_SECONDS_MAX: u64 = 120;
/// Seconds to wait for a connection.
const CONNECT_SECONDS_MAX: u64 = 5;
/// Seconds that all events of an answer may take: as long as the server allows.
const EXPORT_SECONDS_MAX: u64 = 600;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
}

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// It said so.
    #[error("{message} ({status})")]
    Refused { status: u16, message: String, retry_after: Option<u64> },
    /// It could not be asked, or did not answer.
    #[error("cannot talk to {url}: {reason}")]
    Unreachable { url: String, reason: String },
}

/// The answer to events.
#[derive(Debug, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) accepted: u64,
    pub(crate) rejected: Vec<RejectedEvent>,
    pub(crate) rejected_total: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RejectedEvent {
    pub(crate) index: u64,
    pub(crate) error: String,
}

impl Client {
    /// A client that sends a key with every request, if it has one. Over TLS it trusts these authorities, or those that
    /// everybody trusts.
    pub(crate) fn new(url: &str, key: Option<&HeaderValue>, authorities: Option<&RootCerts>) -> Client {
        let key = key.cloned();
        let with_key = move |mut request: Request<ureq::SendBody<'_>>, next: MiddlewareNext<'_>| {
            if let Some(key) = &key {
                request.headers_mut().insert("x-outcrop-key", key.clone());
            }
            next.handle(request)
        };
        let tls = TlsConfig::builder().root_certs(authorities.cloned().unwrap_or(RootCerts::WebPki)).build();
        let agent = ureq::Agent::config_builder()
            .middleware(with_key)
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS_MAX)))
            .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
            .build()
            .new_agent();
        Client { agent, url: url.trim_end_matches('/').to_owned() }
    }

    /// Sends events. With a batch id, unique among all senders, the same body may be sent again: it is stored once.
    pub(crate) fn send_events(&self, dataset: &str, body: &[u8], id: Option<&str>) -> Result<Accepted, ClientError> {
        let url = format!("{}/api/v1/events/{}", self.url, encode(dataset));
        let mut request = self.agent.post(&url).header("Content-Type", "application/x-ndjson");
        if let Some(id) = id {
            request = request.header("X-Outcrop-Batch-Id", id);
        }
        let request = request.config().timeout_global(Some(Duration::from_secs(EVENTS_SECONDS_MAX))).build();
        self.read(&url, request.send(body))
    }

    /// The answer to a query; with `strict`, fields that no event has are an error.
    pub(crate) fn query(&self, dataset: &str, spec: &Value, strict: bool) -> Result<Value, ClientError> {
        self.ask("query", dataset, spec, &[("strict", &strict.to_string())])
    }

    /// A page of events.
    pub(crate) fn rows(&self, dataset: &str, spec: &Value) -> Result<Value, ClientError> {
        self.ask("rows", dataset, spec, &[])
    }

    /// All events that are asked for, as CSV on its way; reading fails if it is broken off.
    pub(crate) fn rows_as_csv(&self, dataset: &str, spec: &Value) -> Result<impl Read + use<>, ClientError> {
        let url = format!("{}/api/v1/rows/{}", self.url, encode(dataset));
        let request = self.agent.post(&url).query("timeout_seconds", EXPORT_SECONDS_MAX.to_string());
        let request = request.header("Content-Type", "application/json").header("Accept", "text/csv");
        let answer = request.send(spec.to_string().as_bytes());
        match answer {
            Ok(answer) if answer.status() == 200 => Ok(answer.into_body().into_reader()),
            answer => self.read(&url, answer).and_then(|()| {
                Err(ClientError::Unreachable { url: url.clone(), reason: "it sends no events".to_owned() })
            }),
        }
    }

    /// What a tail says, line by line, until it ends. Every attempt may take as long as it wants.
    pub(crate) fn tail(&self, dataset: &str, filters: &Value, after: Option<u64>) -> Result<impl Read, ClientError> {
        let url = format!("{}/api/v1/tail/{}", self.url, encode(dataset));
        let mut request = self.agent.get(&url).query("filters", filters.to_string());
        if let Some(after) = after {
            request = request.query("after", after.to_string());
        }
        let answer = request.config().timeout_global(None).build().call();
        match answer {
            Ok(answer) if answer.status() == 200 => Ok(answer.into_body().into_reader()),
            answer => self.read(&url, answer).and_then(|()| {
                Err(ClientError::Unreachable { url: url.clone(), reason: "it sends no tail".to_owned() })
            }),
        }
    }

    pub(crate) fn compare(&self, dataset: &str, spec: &Value) -> Result<Value, ClientError> {
        self.ask("compare", dataset, spec, &[])
    }

    /// Makes one of the things that people keep.
    pub(crate) fn create(&self, kind: &str, thing: &Value) -> Result<Value, ClientError> {
        let url = format!("{}/api/v1/{kind}", self.url);
        let body = thing.to_string();
        let answer = self.agent.post(&url).header("Content-Type", "application/json").send(body.as_bytes());
        self.read(&url, answer)
    }

    /// Has stored events looked through; names the task that does it.
    pub(crate) fn begin_dry_run(&self, dataset: &str, spec: &Value) -> Result<Value, ClientError> {
        self.create(&format!("redactions/dry_run/{}", encode(dataset)), spec)
    }

    pub(crate) fn task(&self, id: &str) -> Result<Value, ClientError> {
        self.get(&format!("tasks/{}", encode(id)), &[])
    }

    /// Every intent.
    pub(crate) fn intents(&self, options: &[(&str, String)]) -> Result<Value, ClientError> {
        self.get("intents", options)
    }

    pub(crate) fn intent(&self, name: &str, options: &[(&str, String)]) -> Result<Value, ClientError> {
        self.get(&format!("intents/{}", encode(name)), options)
    }

    pub(crate) fn fields(&self, dataset: &str) -> Result<Value, ClientError> {
        self.get(&format!("fields/{}", encode(dataset)), &[])
    }

    fn get(&self, path: &str, options: &[(&str, String)]) -> Result<Value, ClientError> {
        let url = format!("{}/api/v1/{path}", self.url);
        let request = options.iter().fold(self.agent.get(&url), |request, (name, value)| request.query(*name, value));
        self.read(&url, request.call())
    }

    fn ask(&self, route: &str, dataset: &str, spec: &Value, options: &[(&str, &str)]) -> Result<Value, ClientError> {
        let url = format!("{}/api/v1/{route}/{}", self.url, encode(dataset));
        let request = options.iter().fold(self.agent.post(&url), |request, (name, value)| request.query(*name, *value));
        let answer = request.header("Content-Type", "application/json").send(spec.to_string().as_bytes());
        self.read(&url, answer)
    }

    fn read<T: for<'de> Deserialize<'de>>(
        &self,
        url: &str,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, ClientError> {
        let unreachable = |reason: String| ClientError::Unreachable { url: url.to_owned(), reason };
        let mut answer = answer.map_err(|e| unreachable(reason(&e)))?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let mut text = String::new();
        let read = answer.body_mut().as_reader().take(ANSWER_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|e| unreachable(e.to_string()))?;
        if (200..300).contains(&status) {
            return serde_json::from_str(&text).map_err(|e| unreachable(format!("the answer cannot be read: {e}")));
        }
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        let message = error["error"]["message"].as_str().unwrap_or("the server refused").to_owned();
        Err(ClientError::Refused { status, message, retry_after })
    }
}

/// Why nobody answered, and what may help.
fn reason(error: &ureq::Error) -> String {
    let inner = if let ureq::Error::Io(error) = error { error.get_ref() } else { None };
    match inner.and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "nobody whom this trusts has vouched for its certificate; name the authority that did with --ca".to_owned()
        }
        _ => error.to_string(),
    }
}

/// A key as it was written on the command line.
pub(crate) fn key(text: &str) -> Result<HeaderValue, String> {
    let mut key = HeaderValue::from_str(text.trim()).map_err(|_| "a key has no such characters".to_owned())?;
    key.set_sensitive(true);
    Ok(key)
}

/// The certificates of a file, as authorities.
pub(crate) fn authorities(path: &str) -> Result<RootCerts, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read it: {error}"))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&bytes) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| format!("it is not PEM: {error}"))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err("there is no certificate in it; it must be in PEM".to_owned());
    }
    Ok(RootCerts::from(certificates))
}

/// A dataset name as a path segment; `,` and `*` keep their meaning.
fn encode(name: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~,*".contains(&b);
    name.bytes().map(|b| if keep(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}
