//! What evidence costs and how large it is, on events from a Parquet file: not a test but a measurement.
//!
//! `OUTCROP_EVENTS=events.parquet cargo test --release -p outcrop-storage index::tests::measure -- --ignored --nocapture`

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};

use crate::catalog::FieldTable;
use crate::disk::{Disk, RealDisk};
use crate::event::{DatasetId, DatasetName, EventBatch, EventColumn, FieldName, FieldType, reserved};
use crate::index::{Grid, ListedValue, Probe, RowSet, Sidecar};
use crate::memtable::StoredBatch;
use crate::paths::{DataDir, SegmentId};
use crate::segment::cache::FooterCache;
use crate::segment::file::Head;
use crate::segment::merge::{Input, merge};
use crate::segment::reader::{OpenSegment, Segment};
use crate::segment::writer::{SegmentPlan, write};
use crate::segment::{LEVEL_COMPACTED, LEVEL_FLUSHED, SegmentInfo, evidence};
use crate::upkeep::flush;

const REQUEST_ROWS: usize = 5_000;
const SEGMENT_ROWS: usize = 250_000;
const REPEATS: usize = 3;
const CLUSTER: Option<&str> = Some("service.name");

fn field_type(data_type: &DataType) -> FieldType {
    match data_type {
        DataType::Boolean => FieldType::Boolean,
        DataType::Float32 | DataType::Float64 => FieldType::Float,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => FieldType::String,
        _ => FieldType::Integer,
    }
}

fn events(batch: &RecordBatch) -> EventBatch {
    let mut columns = Vec::new();
    let mut times = None;
    for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.name() == reserved::TIMESTAMP {
            let typed = cast(values, &DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()))).unwrap();
            times = Some(typed.as_primitive::<TimestampNanosecondType>().reinterpret_cast());
        } else if values.null_count() < values.len() {
            let field_type = field_type(values.data_type());
            let values: ArrayRef = cast(values, &field_type.data_type()).unwrap();
            columns.push(EventColumn { field: FieldName::new(field.name()).unwrap(), field_type, values });
        }
    }
    EventBatch::new(times.unwrap(), None, columns).unwrap()
}

/// The events of the file, as requests would bring them.
fn load() -> impl Iterator<Item = Arc<StoredBatch>> {
    let path = std::env::var_os("OUTCROP_EVENTS").expect("OUTCROP_EVENTS names a Parquet file of events");
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let reader = reader.with_batch_size(REQUEST_ROWS).build().unwrap();
    let mut next = 1;
    reader.map(move |batch| {
        let batch = events(&batch.unwrap());
        let first = next;
        next += batch.rows() as u64;
        Arc::new(StoredBatch::new(batch, first, 0))
    })
}

/// How long this thread has had a core: others may be busy too.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

struct Bench {
    directory: tempfile::TempDir,
    disk: Arc<dyn Disk>,
}

impl Bench {
    fn data_dir(&self) -> DataDir {
        DataDir::new(self.directory.path())
    }

    fn flush(&self, batches: &[Arc<StoredBatch>], id: u64) -> SegmentInfo {
        let rows = flush::plan(batches, CLUSTER);
        let name = DatasetName::new("measured").unwrap();
        let plan = SegmentPlan {
            head: head(&name, id, LEVEL_FLUSHED),
            batches,
            rows: &rows[0].rows,
            columns: flush::columns(batches, &rows[0].rows, &mut FieldTable::default()),
        };
        write(&self.disk, &self.data_dir(), &plan).unwrap().0
    }

    fn merge(&self, infos: &[SegmentInfo], id: u64) -> SegmentInfo {
        let open = |info: &SegmentInfo| {
            OpenSegment::open(Arc::clone(&self.disk), &self.data_dir(), info.dataset, info.id).unwrap()
        };
        let inputs: Vec<Input> =
            infos.iter().map(|i| Input { segment: open(i), dropped: Default::default() }).collect();
        let name = DatasetName::new("measured").unwrap();
        let head = head(&name, id, LEVEL_COMPACTED);
        merge(&*self.disk, &self.data_dir(), &head, &inputs, &|| false).unwrap().unwrap()
    }

    /// Prints what writing a segment and its evidence cost.
    fn report(&self, what: &str, written: Duration, info: &SegmentInfo) {
        let rows = info.rows as f64;
        let mut best = Duration::MAX;
        for _ in 0..REPEATS {
            let _first_time = std::fs::remove_file(self.data_dir().sidecar(info.dataset, info.id));
            let began = on_core();
            evidence::write(&self.disk, &self.data_dir(), [0; 16], info, &|| false).unwrap();
            best = best.min(on_core() - began);
        }
        let sidecar = Sidecar::open(Arc::clone(&self.disk), &self.data_dir(), info).unwrap();
        println!(
            "{what}: {rows} rows; {:.0} ns and {:.1} B an event; evidence {:.0} ns ({:.1} %) and {:.2} B ({:.1} %)",
            written.as_nanos() as f64 / rows,
            info.bytes as f64 / rows,
            best.as_nanos() as f64 / rows,
            100.0 * best.as_secs_f64() / written.as_secs_f64(),
            sidecar.bytes() as f64 / rows,
            100.0 * sidecar.bytes() as f64 / info.bytes as f64,
        );
        print_parts(&sidecar, rows);
    }
}

fn head(name: &DatasetName, id: u64, level: u8) -> Head<'_> {
    Head {
        store_id: [0; 16],
        dataset: DatasetId(1),
        dataset_name: name,
        id: SegmentId(id),
        level,
        replaces: Vec::new(),
        cluster_field: CLUSTER,
    }
}

fn print_parts(sidecar: &Sidecar, rows: f64) {
    let mut sums = [0; 3];
    let mut columns: Vec<(String, [usize; 3], u32, u32)> = Vec::new();
    for column in sidecar.columns() {
        let column = column.unwrap();
        let parts = column.part_bytes();
        (0..3).for_each(|at| sums[at] += parts[at]);
        let name = format!("{}:{}", column.field, column.field_type.label());
        columns.push((name, parts, column.statistics.events, column.statistics.distinct));
    }
    let of = |bytes: usize| bytes as f64 / rows;
    println!("  filters {:.3}, postings {:.3}, counts {:.3} B an event", of(sums[0]), of(sums[1]), of(sums[2]));
    columns.sort_by_key(|(_, parts, ..)| std::cmp::Reverse(parts.iter().sum::<usize>()));
    for (name, parts, events, distinct) in columns.iter().take(24) {
        let [filter, postings, counts] = parts.map(of);
        println!("    {name:26} {filter:.3} {postings:.3} {counts:.3}  events {events} distinct {distinct}");
    }
}

fn bench() -> Bench {
    let bench = Bench { directory: tempfile::tempdir().unwrap(), disk: Arc::new(RealDisk) };
    std::fs::create_dir_all(bench.data_dir().dataset(DatasetId(1))).unwrap();
    bench
}

#[test]
#[ignore = "a measurement"]
fn cost_and_size() {
    let bench = bench();
    let batches: Vec<_> = load().take(1_000_000 / REQUEST_ROWS).collect();
    let mut infos = Vec::new();
    let mut flushed = Duration::MAX;
    for (at, part) in batches.chunks(SEGMENT_ROWS / REQUEST_ROWS).enumerate() {
        let began = on_core();
        infos.push(bench.flush(part, 1 + at as u64));
        flushed = flushed.min(on_core() - began);
    }
    drop(batches);
    bench.report("flushed", flushed, &infos[0]);
    let began = on_core();
    let merged = bench.merge(&infos, 100);
    bench.report("merged", on_core() - began, &merged);
    let sidecar = Sidecar::open(Arc::clone(&bench.disk), &bench.data_dir(), &merged).unwrap();
    rare(&sidecar);
}

/// Pages that are left of a segment for values that are rare in it: by their rows, and by their slices.
fn rare(sidecar: &Sidecar) {
    let pages = |set: &RowSet| {
        let ranges = set.ranges().into_iter();
        ranges.flat_map(|r| r.start / 4_096..=(r.end - 1) / 4_096).collect::<BTreeSet<_>>().len()
    };
    let mut found: Vec<(usize, usize)> = Vec::new();
    for column in sidecar.columns().map(Result::unwrap).filter(|column| column.part_bytes()[1] > 0) {
        for value in column.counts().unwrap().values {
            let probe = match &value {
                ListedValue::Boolean(value) => Probe::Boolean(*value),
                ListedValue::Integer(value) => Probe::Integer(*value),
                ListedValue::Float(value) => Probe::Float(*value),
                ListedValue::Text(text) => Probe::Text(text),
            };
            let rows = column.find(probe).unwrap();
            let slices = RowSet::of_slices(sidecar.grid(), rows.slices());
            if !rows.is_empty() && rows != slices {
                found.push((pages(&rows), pages(&slices)));
            }
        }
    }
    let sums = found.iter().fold((0, 0), |sum, pages| (sum.0 + pages.0, sum.1 + pages.1));
    let mean = |sum: usize| sum as f64 / found.len() as f64;
    println!("{} rare values: {:.0} pages by rows, {:.0} by slices", found.len(), mean(sums.0), mean(sums.1));
}

/// Looks one value up in 50 segments: with their evidence, and without.
#[test]
#[ignore = "a measurement"]
fn lookup() {
    let bench = bench();
    let mut batches = load().peekable();
    let mut infos = Vec::new();
    let mut wanted = Vec::new();
    while batches.peek().is_some() && infos.len() < 50 {
        let part: Vec<_> = batches.by_ref().take(SEGMENT_ROWS / REQUEST_ROWS).collect();
        for field in ["trace.trace_id", "request.id", "user.id"] {
            let columns = part[7].events().columns();
            let column = columns.iter().find(|c| c.field.as_str() == field).unwrap();
            wanted.push((field, column.values.as_string::<i32>().value(99).to_owned()));
        }
        let info = bench.flush(&part, 1 + infos.len() as u64);
        evidence::write(&bench.disk, &bench.data_dir(), [0; 16], &info, &|| false).unwrap();
        infos.push(info);
    }
    let bytes: u64 = infos.iter().map(|i| i.bytes).sum();
    println!("{} segments of {SEGMENT_ROWS} rows, {:.2} GB", infos.len(), bytes as f64 / 1e9);
    for with in [true, false] {
        let footers = Arc::new(FooterCache::new(usize::MAX));
        let segments: Vec<Segment> = infos
            .iter()
            .map(|i| Segment::new(i.clone(), Arc::clone(&bench.disk), bench.data_dir(), &footers))
            .collect();
        for (round, (field, value)) in wanted.iter().take(12).enumerate() {
            let began = on_core();
            let (mut read, mut found, mut opened) = (0, 0, 0);
            for segment in &segments {
                let kept = match segment.sidecar().filter(|_| with) {
                    Some(sidecar) => {
                        let column = sidecar.column(field, FieldType::String).unwrap().unwrap();
                        let kept = column.find(Probe::Text(value)).unwrap();
                        if kept.is_empty() {
                            continue;
                        }
                        kept
                    }
                    None => RowSet::all(Grid::of(segment.info().rows as u32)),
                };
                opened += 1;
                read += kept.count();
                found += matches(&segment.open().unwrap(), field, value, &kept);
            }
            println!(
                "{} {round:2}: {field:16} {:8.2} ms, {found} found in {read} rows of {opened} segments",
                if with { "with" } else { "without" },
                (on_core() - began).as_secs_f64() * 1e3
            );
        }
    }
}

/// Reads the rows kept and counts those with the value.
fn matches(segment: &OpenSegment, field: &str, value: &str, kept: &RowSet) -> usize {
    let index = segment.column(&FieldName::trusted(field), FieldType::String).unwrap();
    let rows = segment.metadata().metadata().file_metadata().num_rows() as usize;
    let ranges = kept.ranges().into_iter().map(|r| r.start as usize..r.end as usize);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes(), segment.metadata().clone())
        .with_projection(ProjectionMask::roots(segment.metadata().parquet_schema(), [index]))
        .with_row_selection(RowSelection::from_consecutive_ranges(ranges, rows))
        .build()
        .unwrap();
    let count = |batch: RecordBatch| batch.column(0).as_string_view().iter().filter(|v| *v == Some(value)).count();
    reader.map(|batch| count(batch.unwrap())).sum()
}
