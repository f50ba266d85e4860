//! Damage in a sidecar is noticed or changes nothing, and the segment beside it is served either way.

use std::path::Path;

use super::indexed;
use crate::disk::{Disk, RealDisk};
use crate::event::FieldType;
use crate::index::{ColumnCounts, Probe, RowSet, Sidecar};
use crate::segment::SegmentInfo;
use crate::segment::blocks::BlockWriter;
use crate::segment::reader::Segment;
use crate::segment::tests::Bench;
use crate::testing::{START, Value, event, read};

fn flip(path: &Path, bit: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

fn hex(n: i64) -> String {
    format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64))
}

/// A bench with one segment that has some of everything, in a sidecar of `rows` ids.
pub(super) fn bench(rows: i64) -> (Bench, SegmentInfo) {
    let mut bench = Bench::new();
    let one = |n: i64| {
        let fields = [
            ("id", Value::text(&hex(n))),
            ("level", Value::text(["info", "warn"][(n % 2) as usize])),
            ("rare", Value::Integer(n / 4_000)),
            ("f", Value::float(n as f64 / 3.0)),
            ("ok", Value::Boolean(n % 5 == 0)),
        ];
        let ids: Vec<String> = (0..6).map(|k| format!("id{k}")).collect();
        let ids = ids.iter().enumerate().map(|(k, name)| (name.as_str(), Value::text(&hex(n * 7 + k as i64))));
        let fields = fields.into_iter().take(if n % 1_000 == 0 { 5 } else { 4 }).chain(ids);
        event(START + n, &fields.collect::<Vec<_>>())
    };
    let info = indexed(&mut bench, &(0..rows).map(one).collect::<Vec<_>>()).info().clone();
    (bench, info)
}

/// Everything that a sidecar says.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    blocks: String,
    rows: Vec<RowSet>,
    counts: Vec<ColumnCounts>,
    statistics: Vec<String>,
}

pub(super) fn all_said(segment: &Segment) -> Option<Said> {
    said(&*segment.sidecar()?).ok().flatten()
}

fn said(sidecar: &Sidecar) -> Result<Option<Said>, crate::error::StoreError> {
    let mut said = Said {
        blocks: format!("{:?}", sidecar.blocks()?),
        rows: vec![sidecar.rows_in_time(START + 10, START + 20)],
        counts: Vec::new(),
        statistics: Vec::new(),
    };
    let probes = [
        ("id", Probe::Text("0000000000000000")),
        ("id", Probe::Text("absent")),
        ("level", Probe::Text("warn")),
        ("rare", Probe::Integer(1)),
        ("f", Probe::Float(1.0)),
        ("ok", Probe::Boolean(true)),
    ];
    for (name, value) in probes {
        let field_type = match value {
            Probe::Boolean(_) => FieldType::Boolean,
            Probe::Integer(_) => FieldType::Integer,
            Probe::Float(_) => FieldType::Float,
            Probe::Text(_) => FieldType::String,
        };
        let Some(column) = sidecar.column(name, field_type)? else { return Ok(None) };
        said.rows.push(column.find(value)?);
        said.rows.push(column.present()?);
        said.counts.push(column.counts()?);
        said.statistics.push(format!("{:?}", column.statistics));
    }
    for column in sidecar.columns() {
        said.statistics.push(column?.field.to_string());
    }
    Ok(Some(said))
}

#[test]
fn flipped_bits_are_noticed_or_change_nothing() {
    let (bench, info) = bench(11_000);
    let path = bench.sidecar(info.id.0);
    let whole = all_said(&bench.segment(&info)).unwrap();
    let bits = std::fs::read(&path).unwrap().len() * 8;
    assert!(bits > 8 * 66_000, "{bits} bits are too few blocks");
    let sample =
        (0..60).map(|n| n * bits / 60 + n % 8).chain((bits - 1_000..bits).step_by(7)).chain((0..200).step_by(9));
    for bit in sample {
        flip(&path, bit);
        let segment = bench.segment(&info);
        let said = all_said(&segment);
        assert!(said.is_none() || said.as_ref() == Some(&whole), "bit {bit} changed what is said");
        let scrubbed = segment.sidecar().is_some_and(|sidecar| sidecar.scrub().is_ok());
        assert!(!scrubbed, "bit {bit} was not noticed");
        assert!(segment.sidecar().is_none(), "what is damaged is not asked again");
        assert!(segment.sidecar_damage().is_some(), "bit {bit} is not reported");
        flip(&path, bit);
    }
    assert_eq!(all_said(&bench.segment(&info)), Some(whole));
    assert_eq!(bench.segment(&info).sidecar_damage(), None);
}

#[test]
fn a_cut_sidecar_is_no_sidecar() {
    let (bench, info) = bench(300);
    let path = bench.sidecar(info.id.0);
    let whole = std::fs::read(&path).unwrap();
    let cuts = (0..whole.len()).step_by(97).chain([1, 7, 8, 15, 16, 39, whole.len() - 8, whole.len() - 1]);
    for length in cuts {
        std::fs::write(&path, &whole[..length]).unwrap();
        let segment = bench.segment(&info);
        assert!(segment.sidecar().is_none(), "cut to {length}");
        assert!(segment.sidecar_damage().is_some());
        assert_eq!(read(&segment.open().unwrap()).unwrap().len(), 300);
    }
    std::fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    assert!(bench.segment(&info).sidecar().is_none());
}

#[test]
fn a_segment_without_a_sidecar_is_served() {
    let (bench, info) = bench(300);
    std::fs::remove_file(bench.sidecar(info.id.0)).unwrap();
    let segment = bench.segment(&info);
    assert!(segment.sidecar().is_none());
    assert_eq!(segment.sidecar_damage(), None, "it need not have one");
    assert_eq!(read(&segment.open().unwrap()).unwrap().len(), 300);
}

#[test]
fn a_sidecar_of_another_segment_is_noticed() {
    let (mut bench, info) = bench(300);
    let other = indexed(&mut bench, &[event(START, &[("id", Value::text("other"))])]).info().clone();
    std::fs::copy(bench.sidecar(info.id.0), bench.sidecar(other.id.0)).unwrap();
    assert!(bench.segment(&other).sidecar().is_none());
    for wrong in [SegmentInfo { rows: 299, ..info.clone() }, SegmentInfo { bytes: info.bytes + 1, ..info.clone() }] {
        let segment = bench.segment(&wrong);
        assert!(segment.sidecar().is_none());
        assert!(segment.sidecar_damage().unwrap().contains("damaged"));
    }
    assert!(bench.segment(&info).sidecar().is_some());
}

#[test]
fn a_newer_sidecar_is_left_alone() {
    let (bench, info) = bench(300);
    let path = bench.sidecar(info.id.0);
    let mut content = content(&path);
    content[8] = 2;
    seal(&path, &content);
    let segment = bench.segment(&info);
    assert!(segment.sidecar().is_none());
    assert!(segment.sidecar_damage().unwrap().contains("version 2"), "{:?}", segment.sidecar_damage());
}

/// A sealed file without its sums.
pub(super) fn content(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    let sums = u64::from_le_bytes(*bytes.last_chunk::<8>().unwrap()) as usize;
    bytes.truncate(bytes.len() - 8 - sums);
    bytes
}

/// Writes content under its right sums.
pub(super) fn seal(path: &Path, content: &[u8]) {
    use std::io::Write;
    std::fs::remove_file(path).unwrap();
    let mut writer = BlockWriter::new(RealDisk.create(path).unwrap());
    writer.write_all(content).unwrap();
    writer.seal().unwrap();
}
