//! Settings: what the operator says. Parts: what the program needs.
//!
//! A setting is a flag, an environment variable and a line of `outcrop.toml`; the flag wins over the variable, the
//! variable over the file, the file over the default. Unknown keys are refused. `docs/settings.md` is generated from
//! this file. It must not know what the parts are used for.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use axum::http::Uri;
use axum::http::uri::Authority;
use clap::Args;
use outcrop_ingest::Limits;
use outcrop_storage::Retention;
use outcrop_storage::event::{DatasetName, InvalidName};
use outcrop_storage::limits::StoreLimits;
use outcrop_storage::machine;
use outcrop_storage::memory::{Ceilings, NothingLeft, Pool};
use serde::Deserialize;

use crate::tls::TlsFiles;

/// What can be said, by flag, environment variable or file.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The directory that holds everything Outcrop stores [default: ./outcrop-data]
    #[arg(long, env = "OUTCROP_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The address for HTTP; port 0 picks a free one [default: 127.0.0.1:4318]
    #[arg(long, env = "OUTCROP_HTTP", value_name = "ADDRESS")]
    http: Option<String>,
    /// The address for OTLP over gRPC; port 0 picks a free one [default: 127.0.0.1:4317]
    #[arg(long, env = "OUTCROP_GRPC", value_name = "ADDRESS")]
    grpc: Option<String>,
    /// The address for SQL in the PostgreSQL protocol, with a key as password; port 0 picks a free one [default: none]
    #[arg(long, env = "OUTCROP_POSTGRES", value_name = "ADDRESS")]
    postgres: Option<String>,
    /// The address for syslog over TCP, of this machine unless syslog_from_everywhere; port 0 picks a free one [default: none]
    #[arg(long, env = "OUTCROP_SYSLOG_TCP", value_name = "ADDRESS")]
    syslog_tcp: Option<String>,
    /// The address for syslog over UDP, of this machine unless syslog_from_everywhere; port 0 picks a free one [default: none]
    #[arg(long, env = "OUTCROP_SYSLOG_UDP", value_name = "ADDRESS")]
    syslog_udp: Option<String>,
    /// Whether syslog may be taken from other machines: it has no keys, so that whoever reaches its address may send [default: false]
    #[arg(long, env = "OUTCROP_SYSLOG_FROM_EVERYWHERE", value_name = "BOOL")]
    syslog_from_everywhere: Option<bool>,
    /// The dataset of syslog messages [default: syslog]
    #[arg(long, env = "OUTCROP_SYSLOG_DATASET", value_name = "NAME")]
    syslog_dataset: Option<String>,
    /// Whether Outcrop records what itself does, as intents: ingest, flushes, merges and questions [default: false]
    #[arg(long, env = "OUTCROP_OWN_EVENTS", value_name = "BOOL")]
    own_events: Option<bool>,
    /// The dataset of what Outcrop records of itself [default: outcrop]
    #[arg(long, env = "OUTCROP_OWN_EVENTS_DATASET", value_name = "NAME")]
    own_events_dataset: Option<String>,
    /// The URL under which people reach Outcrop, if it is not the address: requests for its host are answered
    #[arg(long, env = "OUTCROP_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// The certificate that HTTP, gRPC and PostgreSQL are spoken with over TLS, in PEM with those between it and an authority; read again when it changes [default: none, without TLS]
    #[arg(long, env = "OUTCROP_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The private key of tls_certificate, in PEM and not encrypted [default: none]
    #[arg(long, env = "OUTCROP_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Origins whose web pages may send events, separated by commas, such as https://shop.example.com [default: none]
    #[arg(long, env = "OUTCROP_CORS_ORIGINS", value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// What to log, as a tracing filter [default: info]
    #[arg(long, env = "OUTCROP_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// Memtable bytes of one dataset that start a flush to a segment [default: 201326592]
    #[arg(long, env = "OUTCROP_FLUSH_BYTES_MAX", value_name = "BYTES")]
    flush_bytes_max: Option<usize>,
    /// Seconds after which a memtable is flushed however small [default: 600]
    #[arg(long, env = "OUTCROP_FLUSH_AGE_SECONDS_MAX", value_name = "SECONDS")]
    flush_age_seconds_max: Option<u64>,
    /// Bytes that everything together may hold; each use has its part [default: half of the machine's or the control group's memory, 2147483648 at most]
    #[arg(long, env = "OUTCROP_MEMORY_BYTES_MAX", value_name = "BYTES")]
    memory_bytes_max: Option<usize>,
    /// Memtable bytes of all datasets; above it ingest waits a moment, then sheds with 429 [default: a quarter of memory_bytes_max]
    #[arg(long, env = "OUTCROP_MEMTABLE_BYTES_MAX", value_name = "BYTES")]
    memtable_bytes_max: Option<usize>,
    /// Bytes of decoded segment footers that are kept in memory [default: 268435456]
    #[arg(long, env = "OUTCROP_FOOTER_CACHE_BYTES_MAX", value_name = "BYTES")]
    footer_cache_bytes_max: Option<usize>,
    /// Bytes of the device that ingest leaves free: below it, and what flushing may need, it is refused with 503 [default: 268435456 or 1 % of the device if that is more, a sixteenth of the device at most]
    #[arg(long, env = "OUTCROP_DISK_RESERVE_BYTES", value_name = "BYTES")]
    disk_reserve_bytes: Option<u64>,
    /// Datasets that may exist [default: 1000]
    #[arg(long, env = "OUTCROP_DATASETS_MAX", value_name = "COUNT")]
    datasets_max: Option<usize>,
    /// Fields of one dataset that have columns; further ones share one, are found by name, and cost more [default: 10000]
    #[arg(long, env = "OUTCROP_FIELDS_MAX", value_name = "COUNT")]
    fields_max: Option<usize>,
    /// Fields of one dataset that get a column when they first come; later ones when they come often [default: 2000]
    #[arg(long, env = "OUTCROP_FIELDS_AT_SIGHT_MAX", value_name = "COUNT")]
    fields_at_sight_max: Option<usize>,
    /// Fields of one dataset without a column that are counted and listed one by one [default: 10000]
    #[arg(long, env = "OUTCROP_OVERFLOW_FIELDS_LISTED_MAX", value_name = "COUNT")]
    overflow_fields_listed_max: Option<usize>,
    /// Seconds that events are kept, from the later of their time and their arrival [default: for ever]
    #[arg(long, env = "OUTCROP_RETENTION_AGE_SECONDS_MAX", value_name = "SECONDS")]
    retention_age_seconds_max: Option<u64>,
    /// Bytes of segments that each dataset keeps; the oldest go first [default: all]
    #[arg(long, env = "OUTCROP_RETENTION_BYTES_MAX", value_name = "BYTES")]
    retention_bytes_max: Option<u64>,
    /// Bytes a second at which all segments are read again and again in search of damage; 0 for never [default: a pass a week, at least 1048576]
    #[arg(long, env = "OUTCROP_SCRUB_BYTES_PER_SECOND", value_name = "BYTES")]
    scrub_bytes_per_second: Option<u64>,
    /// Bytes of a request body once inflated [default: 67108864]
    #[arg(long, env = "OUTCROP_BODY_BYTES_MAX", value_name = "BYTES")]
    body_bytes_max: Option<usize>,
    /// Bytes of one event as sent [default: 1048576]
    #[arg(long, env = "OUTCROP_EVENT_BYTES_MAX", value_name = "BYTES")]
    event_bytes_max: Option<usize>,
    /// Fields of one event [default: 2000]
    #[arg(long, env = "OUTCROP_EVENT_FIELDS_MAX", value_name = "COUNT")]
    event_fields_max: Option<usize>,
    /// Bytes of one string; longer ones are cut and marked in meta.truncated [default: 65536]
    #[arg(long, env = "OUTCROP_STRING_BYTES_MAX", value_name = "BYTES")]
    string_bytes_max: Option<usize>,
    /// Bytes that all queries together may hold before they spill to disk [default: five sixteenths of memory_bytes_max]
    #[arg(long, env = "OUTCROP_QUERY_MEMORY_BYTES_MAX", value_name = "BYTES")]
    query_memory_bytes_max: Option<usize>,
    /// What hashed values are made with: at least 16 bytes, kept apart from the data directory. Rules of redaction that hash need it [default: none]
    #[arg(long, env = "OUTCROP_REDACTION_SECRET", value_name = "SECRET", hide_env_values = true)]
    redaction_secret: Option<RedactionSecret>,
    /// Threads that answer queries [default: one for each core]
    #[arg(long, env = "OUTCROP_QUERY_THREADS", value_name = "COUNT")]
    query_threads: Option<usize>,
}

/// What the program needs, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) data_dir: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) postgres: Option<SocketAddr>,
    pub(crate) syslog_tcp: Option<SocketAddr>,
    pub(crate) syslog_udp: Option<SocketAddr>,
    pub(crate) syslog_dataset: DatasetName,
    /// Where Outcrop records what itself does, if it is to.
    pub(crate) own_events: Option<DatasetName>,
    pub(crate) public_host: Option<String>,
    /// With which nothing is spoken in the clear.
    pub(crate) tls: Option<TlsFiles>,
    /// In lower case, as browsers write them.
    pub(crate) cors_origins: Vec<String>,
    /// Whether people reach that host over TLS only.
    pub(crate) public_https: bool,
    pub(crate) log: String,
    pub(crate) store: StoreLimits,
    pub(crate) ingest: IngestLimits,
    pub(crate) memory: Ceilings,
    pub(crate) redaction_secret: Option<RedactionSecret>,
    pub(crate) query_threads: usize,
}

impl Parts {
    /// Whether other machines can reach nothing that has keys.
    pub(crate) fn is_loopback_only(&self) -> bool {
        let all = [Some(self.http), Some(self.grpc), self.postgres];
        all.into_iter().flatten().all(|address| address.ip().is_loopback())
    }
}

/// A secret that nobody reads by printing what holds it.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct RedactionSecret(String);

impl RedactionSecret {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::str::FromStr for RedactionSecret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<RedactionSecret, Self::Err> {
        Ok(RedactionSecret(text.to_owned()))
    }
}

impl std::fmt::Debug for RedactionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedactionSecret")
    }
}

/// Bounds of ingest, comparable (the decoder's own are not).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IngestLimits {
    pub(crate) body_bytes_max: usize,
    pub(crate) event_bytes_max: usize,
    pub(crate) event_fields_max: usize,
    pub(crate) string_bytes_max: usize,
}

impl IngestLimits {
    pub(crate) fn decoder(&self) -> Limits {
        Limits {
            body_bytes_max: self.body_bytes_max,
            event_bytes_max: self.event_bytes_max,
            event_fields_max: self.event_fields_max,
            string_bytes_max: self.string_bytes_max,
        }
    }
}

/// A setting that cannot be used, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{name}: {text:?} is not an address; write one such as 127.0.0.1:4318")]
    Address { name: &'static str, text: String },
    #[error(
        "{name}: {address} can be reached from other machines, and syslog has no keys: whoever reaches it may send; use \
         127.0.0.1, or say that this is meant with syslog_from_everywhere"
    )]
    SyslogFromEverywhere { name: &'static str, address: SocketAddr },
    #[error("public_url: {0:?} is not a URL; write one such as https://events.example.com")]
    PublicUrl(String),
    #[error(
        "cors_origins: {0:?} is not an origin; write a scheme, a host and, unless it is the usual one, a port, such as https://shop.example.com"
    )]
    CorsOrigin(String),
    #[error("{given} alone is not enough for TLS: name {missing} too")]
    HalfOfTls { given: &'static str, missing: &'static str },
    #[error("syslog_dataset: {0}")]
    SyslogDataset(InvalidName),
    #[error("own_events_dataset: {0}")]
    OwnEventsDataset(InvalidName),
    #[error("{name}: must be at least {min}")]
    TooSmall { name: &'static str, min: usize },
    #[error(
        "memory_bytes_max: {0}; raise it, or lower memtable_bytes_max or query_memory_bytes_max, which are parts of it"
    )]
    Memory(#[from] NothingLeft),
}

/// The most that is taken when nobody says how much: enough for the rates that one machine takes.
const MEMORY_BYTES_DEFAULT_MAX: u64 = 2 << 30;
/// What is left at least for connections, bodies, decoding and caches.
const MEMORY_BYTES_LEFT_MIN: usize = 24 << 20;

/// Half of what there is: the rest is for the pages of mapped segments, and for what is not accounted for.
fn memory_bytes_default() -> usize {
    let half = machine::memory_bytes().map_or(MEMORY_BYTES_DEFAULT_MAX, |bytes| bytes / 2);
    usize::try_from(half.min(MEMORY_BYTES_DEFAULT_MAX)).unwrap_or(usize::MAX)
}

/// The file that is read when none is named.
pub(crate) const FILE_DEFAULT: &str = "outcrop.toml";

impl Settings {
    /// Reads a settings file; the default file may be missing, a named one may not.
    pub(crate) fn read(named: Option<&Path>) -> Result<Settings, SettingsError> {
        let path = named.unwrap_or(Path::new(FILE_DEFAULT));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                return Ok(Settings::default());
            }
            Err(source) => return Err(SettingsError::Unreadable { path: path.to_owned(), source }),
        };
        toml::from_str(&text)
            .map_err(|source| SettingsError::Malformed { path: path.to_owned(), source: Box::new(source) })
    }

    /// These settings, and `lower` where these say nothing.
    pub(crate) fn over(self, lower: Settings) -> Settings {
        Settings {
            data_dir: self.data_dir.or(lower.data_dir),
            http: self.http.or(lower.http),
            grpc: self.grpc.or(lower.grpc),
            postgres: self.postgres.or(lower.postgres),
            syslog_tcp: self.syslog_tcp.or(lower.syslog_tcp),
            syslog_udp: self.syslog_udp.or(lower.syslog_udp),
            syslog_from_everywhere: self.syslog_from_everywhere.or(lower.syslog_from_everywhere),
            syslog_dataset: self.syslog_dataset.or(lower.syslog_dataset),
            own_events: self.own_events.or(lower.own_events),
            own_events_dataset: self.own_events_dataset.or(lower.own_events_dataset),
            public_url: self.public_url.or(lower.public_url),
            tls_certificate: self.tls_certificate.or(lower.tls_certificate),
            tls_key: self.tls_key.or(lower.tls_key),
            cors_origins: self.cors_origins.or(lower.cors_origins),
            log: self.log.or(lower.log),
            flush_bytes_max: self.flush_bytes_max.or(lower.flush_bytes_max),
            flush_age_seconds_max: self.flush_age_seconds_max.or(lower.flush_age_seconds_max),
            memory_bytes_max: self.memory_bytes_max.or(lower.memory_bytes_max),
            memtable_bytes_max: self.memtable_bytes_max.or(lower.memtable_bytes_max),
            footer_cache_bytes_max: self.footer_cache_bytes_max.or(lower.footer_cache_bytes_max),
            disk_reserve_bytes: self.disk_reserve_bytes.or(lower.disk_reserve_bytes),
            datasets_max: self.datasets_max.or(lower.datasets_max),
            fields_max: self.fields_max.or(lower.fields_max),
            fields_at_sight_max: self.fields_at_sight_max.or(lower.fields_at_sight_max),
            overflow_fields_listed_max: self.overflow_fields_listed_max.or(lower.overflow_fields_listed_max),
            retention_age_seconds_max: self.retention_age_seconds_max.or(lower.retention_age_seconds_max),
            retention_bytes_max: self.retention_bytes_max.or(lower.retention_bytes_max),
            scrub_bytes_per_second: self.scrub_bytes_per_second.or(lower.scrub_bytes_per_second),
            body_bytes_max: self.body_bytes_max.or(lower.body_bytes_max),
            event_bytes_max: self.event_bytes_max.or(lower.event_bytes_max),
            event_fields_max: self.event_fields_max.or(lower.event_fields_max),
            string_bytes_max: self.string_bytes_max.or(lower.string_bytes_max),
            redaction_secret: self.redaction_secret.or(lower.redaction_secret),
            query_memory_bytes_max: self.query_memory_bytes_max.or(lower.query_memory_bytes_max),
            query_threads: self.query_threads.or(lower.query_threads),
        }
    }

    /// Both addresses, where nothing is said.
    pub(crate) fn with_addresses(mut self, address: &str) -> Settings {
        self.http.get_or_insert_with(|| address.to_owned());
        self.grpc.get_or_insert_with(|| address.to_owned());
        self
    }

    pub(crate) fn with_data_dir(mut self, path: PathBuf) -> Settings {
        self.data_dir.get_or_insert(path);
        self
    }

    /// Checks everything and fills in defaults.
    pub(crate) fn parts(self) -> Result<Parts, SettingsError> {
        let store = StoreLimits::default();
        let decoder = Limits::default();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let memory = self.memory()?;
        let syslog_tcp = self.syslog("syslog_tcp", self.syslog_tcp.as_deref())?;
        let syslog_udp = self.syslog("syslog_udp", self.syslog_udp.as_deref())?;
        let own_events = DatasetName::new(self.own_events_dataset.as_deref().unwrap_or("outcrop"))
            .map_err(SettingsError::OwnEventsDataset)?;
        let parts = Parts {
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from("outcrop-data")),
            http: address("http", self.http.as_deref().unwrap_or("127.0.0.1:4318"))?,
            grpc: address("grpc", self.grpc.as_deref().unwrap_or("127.0.0.1:4317"))?,
            postgres: self.postgres.as_deref().map(|text| address("postgres", text)).transpose()?,
            syslog_tcp,
            syslog_udp,
            syslog_dataset: DatasetName::new(self.syslog_dataset.as_deref().unwrap_or("syslog"))
                .map_err(SettingsError::SyslogDataset)?,
            own_events: (self.own_events == Some(true)).then_some(own_events),
            public_host: self.public_url.as_deref().map(host_of).transpose()?,
            tls: tls_files(self.tls_certificate, self.tls_key)?,
            public_https: self.public_url.as_deref().is_some_and(|url| url.to_lowercase().starts_with("https://")),
            cors_origins: origins(self.cors_origins.as_deref().unwrap_or_default())?,
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            store: StoreLimits {
                flush_bytes_max: self.flush_bytes_max.unwrap_or(store.flush_bytes_max),
                flush_age_seconds_max: self.flush_age_seconds_max.unwrap_or(store.flush_age_seconds_max),
                memtable_bytes_max: memory.of(Pool::Memtables),
                disk_reserve_bytes: self.disk_reserve_bytes,
                wal_file_bytes_max: store.wal_file_bytes_max,
                footer_cache_bytes_max: self.footer_cache_bytes_max.unwrap_or_else(|| memory.of(Pool::Caches)),
                datasets_max: self.datasets_max.unwrap_or(store.datasets_max),
                fields_max: self.fields_max.unwrap_or(store.fields_max),
                fields_at_sight_max: self.fields_at_sight_max.unwrap_or(store.fields_at_sight_max),
                overflow_fields_listed_max: self.overflow_fields_listed_max.unwrap_or(store.overflow_fields_listed_max),
                flush_evidence: store.flush_evidence,
                retention: Retention {
                    age_seconds_max: self.retention_age_seconds_max,
                    bytes_max: self.retention_bytes_max,
                },
                scrub_bytes_per_second: self.scrub_bytes_per_second,
            },
            ingest: IngestLimits {
                body_bytes_max: self.body_bytes_max.unwrap_or(decoder.body_bytes_max),
                event_bytes_max: self.event_bytes_max.unwrap_or(decoder.event_bytes_max),
                event_fields_max: self.event_fields_max.unwrap_or(decoder.event_fields_max),
                string_bytes_max: self.string_bytes_max.unwrap_or(decoder.string_bytes_max),
            },
            memory,
            redaction_secret: self.redaction_secret,
            query_threads: self.query_threads.unwrap_or(cores),
        };
        for (name, value, min) in [
            ("flush_bytes_max", parts.store.flush_bytes_max, 64 << 10),
            ("memtable_bytes_max", parts.store.memtable_bytes_max, 1 << 20),
            ("datasets_max", parts.store.datasets_max, 1),
            ("fields_max", parts.store.fields_max, 1),
            ("body_bytes_max", parts.ingest.body_bytes_max, 1 << 10),
            ("event_bytes_max", parts.ingest.event_bytes_max, 1 << 10),
            ("event_fields_max", parts.ingest.event_fields_max, 1),
            ("string_bytes_max", parts.ingest.string_bytes_max, 16),
            ("query_memory_bytes_max", parts.memory.of(Pool::Queries), 16 << 20),
            ("query_threads", parts.query_threads, 1),
            ("redaction_secret", parts.redaction_secret.as_ref().map_or(16, |secret| secret.bytes().len()), 16),
        ] {
            if value < min {
                return Err(SettingsError::TooSmall { name, min });
            }
        }
        Ok(parts)
    }

    /// An address for what has no keys.
    fn syslog(&self, name: &'static str, text: Option<&str>) -> Result<Option<SocketAddr>, SettingsError> {
        let Some(address) = text.map(|text| address(name, text)).transpose()? else { return Ok(None) };
        let is_meant = address.ip().is_loopback() || self.syslog_from_everywhere == Some(true);
        if is_meant { Ok(Some(address)) } else { Err(SettingsError::SyslogFromEverywhere { name, address }) }
    }

    /// The memory of the process, cut into its uses.
    fn memory(&self) -> Result<Ceilings, NothingLeft> {
        let given = [(Pool::Memtables, self.memtable_bytes_max), (Pool::Queries, self.query_memory_bytes_max)];
        let given: Vec<(Pool, usize)> = given.into_iter().filter_map(|(pool, bytes)| Some((pool, bytes?))).collect();
        Ceilings::cut(self.memory_bytes_max.unwrap_or_else(memory_bytes_default), &given, MEMORY_BYTES_LEFT_MIN)
    }
}

fn address(name: &'static str, text: &str) -> Result<SocketAddr, SettingsError> {
    let address = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    address.ok_or_else(|| SettingsError::Address { name, text: text.to_owned() })
}

fn tls_files(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, SettingsError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(SettingsError::HalfOfTls { given: "tls_certificate", missing: "tls_key" }),
        (None, Some(_)) => Err(SettingsError::HalfOfTls { given: "tls_key", missing: "tls_certificate" }),
    }
}

fn host_of(url: &str) -> Result<String, SettingsError> {
    let uri: Option<Uri> = url.parse().ok();
    let authority = uri.as_ref().filter(|u| u.scheme().is_some()).and_then(|u| u.authority());
    authority.map(|a| a.as_str().to_lowercase()).ok_or_else(|| SettingsError::PublicUrl(url.to_owned()))
}

fn origins(list: &str) -> Result<Vec<String>, SettingsError> {
    let sent = list.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    sent.map(|origin| {
        let lower = origin.to_lowercase();
        let authority = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).unwrap_or_default();
        let is_authority = authority.parse::<Authority>().is_ok_and(|a| a == authority);
        let is_origin = is_authority && !authority.contains('@');
        if is_origin { Ok(lower) } else { Err(SettingsError::CorsOrigin(origin.to_owned())) }
    })
    .collect()
}
