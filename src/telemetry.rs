//! What Outcrop says of itself: a log for people, metrics for Prometheus. It must not know how requests are handled.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use outcrop_query::QueryCounts;
use outcrop_storage::memory::{Memory, Pool};
use outcrop_storage::{StoreHealth, machine};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tracing_subscriber::EnvFilter;

use crate::http::Grants;

/// Starts the log on standard error.
pub(crate) fn start_log(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|e| format!("log: {e}"))?;
    let started = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    started.map_err(|e| e.to_string())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteOnly {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabel {
    pool: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

type Gauges = Family<PoolLabel, Gauge<u64, AtomicU64>>;

/// Counters of the rim. The store's numbers are read when they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    requests: Family<RouteLabels, Counter>,
    seconds: Family<RouteOnly, Histogram>,
    events: Counter,
    rejected: Counter,
    repeated_keys: Counter,
    body_bytes: Counter,
    /// Bodies that were acknowledged before.
    pub(crate) repeated_bodies: Counter,
    /// Syslog messages, or parts of a stream, that nobody was told were lost.
    pub(crate) syslog_dropped: Counter,
    shed: Family<ReasonLabel, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        Metrics {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 2.0, 18))),
            events: Counter::default(),
            rejected: Counter::default(),
            repeated_keys: Counter::default(),
            body_bytes: Counter::default(),
            repeated_bodies: Counter::default(),
            syslog_dropped: Counter::default(),
            shed: Family::default(),
        }
    }

    pub(crate) fn request(&self, route: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RouteLabels { route, status }).inc();
        self.seconds.get_or_create(&RouteOnly { route }).observe(took.as_secs_f64());
    }

    pub(crate) fn ingested(&self, accepted: u64, rejected: u64, repeated_keys: u64, body_bytes: u64) {
        self.events.inc_by(accepted);
        self.rejected.inc_by(rejected);
        self.repeated_keys.inc_by(repeated_keys);
        self.body_bytes.inc_by(body_bytes);
    }

    pub(crate) fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// The Prometheus text of everything.
    pub(crate) fn text(
        &self,
        health: &StoreHealth,
        memory: &Memory,
        grants: Grants,
        queries: QueryCounts,
        (audit_records, audit_lost): (u64, u64),
    ) -> String {
        let mut registry = Registry::with_prefix("outcrop");
        registry.register("http_requests", "Requests by route and status", self.requests.clone());
        let seconds = "Time from request to answer, by route";
        registry.register_with_unit("http_request_duration", seconds, Unit::Seconds, self.seconds.clone());
        registry.register("ingest_events", "Events acknowledged", self.events.clone());
        registry.register(
            "ingest_rejected_events",
            "Events rejected, each with its reason in the answer",
            self.rejected.clone(),
        );
        registry.register(
            "ingest_repeated_keys",
            "Fields that a later one of the same event overwrote",
            self.repeated_keys.clone(),
        );
        registry.register_with_unit("ingest_body", "Bytes of bodies as sent", Unit::Bytes, self.body_bytes.clone());
        let dropped = "Syslog messages dropped because the queue was full, and streams that could not be read on";
        registry.register("syslog_dropped", dropped, self.syslog_dropped.clone());
        registry.register(
            "ingest_repeated_bodies",
            "Bodies with a batch id that were acknowledged before and not stored again",
            self.repeated_bodies.clone(),
        );
        registry.register("shed_requests", "Requests refused for want of something, by what", self.shed.clone());
        register_memory(&mut registry, memory);
        let space = &health.space;
        let gauges = [
            (
                "ingest_down",
                "1 while no log file can be opened: nothing is acknowledged",
                u64::from(health.ingest_down),
            ),
            (
                "in_flight_bytes",
                "Bytes of bodies being handled",
                (memory.used(Pool::Bodies) + memory.used(Pool::Decoding)) as u64,
            ),
            (
                "anonymous_memory_bytes",
                "Bytes that the process holds and that belong to no file, as the system says",
                machine::anonymous_memory_bytes().unwrap_or(0),
            ),
            ("queries_running", "Queries that are being answered", queries.running),
            ("queries_waiting", "Queries that wait for their turn", queries.waiting),
            ("audit_records", "Records written into the audit log since start", audit_records),
            ("audit_lost_records", "Records that could not be written into it since start", audit_lost),
            ("disk_bytes", "Bytes of the device that holds the data", space.total_bytes),
            ("disk_available_bytes", "Bytes of it that are free", space.available_bytes),
            ("disk_reserve_bytes", "Bytes of it that ingest leaves free", space.reserve_bytes),
            ("disk_headroom_bytes", "Bytes of it that ingest may still write", space.headroom_bytes),
            ("disk_full", "1 while ingest is refused for want of space", u64::from(space.full)),
            ("open_files", "Files that the process has open", machine::open_files().unwrap_or(0)),
            ("open_files_limit", "Files that the process may have open", grants.open_files_max),
            ("maps_limit", "Mappings that the process may have; an open segment is one", grants.maps_max),
            ("memtable_bytes", "Bytes of events that are in no segment yet", health.memtable_bytes),
            ("footer_cache_bytes", "Bytes of decoded footers that are kept", health.footer_cache_bytes),
            ("wal_closed_bytes", "Bytes of log files that wait to be removed", health.wal_bytes),
            ("wal_frames", "Log frames written and fsynced since start", health.wal_frames_total),
            ("wal_written_bytes", "Bytes of log frames since start", health.wal_bytes_total),
            (
                "wal_poisoned_files",
                "Log files given up after a failed write or fsync since start",
                health.wal_poisoned_files_total,
            ),
            ("batch_ids", "Batch ids that are known", health.acknowledgements),
            ("flushes", "Memtables turned into segments since start", health.flushes_total),
            ("flush_failures", "Flushes that failed and are tried again, since start", health.flush_failures_total),
            ("compactions", "Merges of segments since start", health.compactions_total),
            ("compaction_failures", "Merges that failed since start", health.compaction_failures_total),
            ("sidecar_failures", "Segments left without a sidecar since start", health.sidecar_failures_total),
            ("segments_retired", "Segments that no policy kept any more, since start", health.segments_retired_total),
            ("events_removed", "Events removed because somebody chose them, since start", health.events_removed_total),
            ("segments", "Segments in the catalog", health.segments),
            ("segment_bytes", "Bytes of segments", health.segment_bytes),
            ("damaged_files", "Files found missing or damaged", health.damage.len() as u64),
            ("damaged_segments", "Segments that cannot be read: answers lack their events", health.damaged_segments),
            ("damaged_events", "Events in segments that cannot be read", health.damaged_events),
            ("scrub_bytes", "Bytes that the scrub has read since start", health.scrub.bytes_total),
            ("scrub_passes", "Times that the scrub has read every segment, since start", health.scrub.passes_total),
            (
                "scrub_remaining_bytes",
                "Bytes of segments that this pass of the scrub has yet to read",
                health.scrub.remaining_bytes,
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = Gauge::<u64, AtomicU64>::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            let _never = writeln!(text, "# EOF");
        }
        text
    }
}

fn register_memory(registry: &mut Registry, memory: &Memory) {
    let (used, limit) = (Gauges::default(), Gauges::default());
    let refused: Family<PoolLabel, Counter> = Family::default();
    for usage in memory.usage() {
        let label = PoolLabel { pool: usage.pool.label() };
        used.get_or_create(&label).set(usage.used_bytes as u64);
        limit.get_or_create(&label).set(usage.ceiling_bytes as u64);
        refused.get_or_create(&label).inc_by(usage.refused_total);
    }
    registry.register("memory_bytes", "Bytes that each use of memory holds, as accounted for", used);
    registry.register("memory_limit_bytes", "Bytes that each use of memory may hold", limit);
    registry.register("memory_refusals", "Reservations refused because a use had no memory left", refused);
}
