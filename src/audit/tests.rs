//! Chains on disk: what is written is found, what a crash leaves is mended, and tampering of every kind is seen.

use std::path::PathBuf;

use outcrop_storage::paths::{AuditChain, DataDir};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::chain::{Bounds, Chain};
use super::files::Place;
use super::reading::{self, Page, Position, Search};
use super::verify::{ChainReport, verify};
use super::{Audit, Entry, Refusal, Who, limits};

const CHANGES: AuditChain = AuditChain::Changes;
const SMALL: Bounds = Bounds { file_bytes_max: 2_000, bytes_max: 10_000 };

struct Bench {
    _home: TempDir,
    dir: DataDir,
}

fn entry(n: i64) -> Entry {
    let who = Some(Who { id: format!("k{}", n % 3), name: Some("ops".to_owned()) });
    Entry { time: n * 1_000_000_000, who, peer: None, action: "key.create", what: json!({ "n": n, "text": "a\nb" }) }
}

fn search() -> Search {
    let none =
        Search { from: None, until: None, who: None, action: None, text: None, after: Position::NEWEST, limit: 1_000 };
    Search { limit: 100_000, ..none }
}

fn numbers(page: &Page) -> Vec<i64> {
    page.found.iter().filter_map(|found| found.record.what["n"].as_i64()).collect()
}

impl Bench {
    fn new() -> Bench {
        let home = TempDir::new().unwrap();
        let dir = DataDir::new(home.path());
        // Whoever reads finds both chains.
        for chain in AuditChain::ALL {
            Chain::open(Place { dir: dir.clone(), chain }, SMALL).unwrap();
        }
        Bench { dir, _home: home }
    }

    fn open(&self, bounds: Bounds) -> Chain {
        Chain::open(Place { dir: self.dir.clone(), chain: CHANGES }, bounds).unwrap()
    }

    /// Writes so many, each for itself.
    fn fill(&self, bounds: Bounds, numbers: impl IntoIterator<Item = i64>) {
        let mut chain = self.open(bounds);
        numbers.into_iter().for_each(|n| chain.append(&[entry(n)]).unwrap());
    }

    fn files(&self) -> Vec<PathBuf> {
        let place = Place { dir: self.dir.clone(), chain: CHANGES };
        place.files().unwrap().into_iter().map(|file| file.path).collect()
    }

    fn newest(&self) -> PathBuf {
        self.files().pop().unwrap()
    }

    fn edit(&self, path: &PathBuf, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        edit(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }

    fn check(&self) -> ChainReport {
        verify(&self.dir).unwrap().unwrap()[0].clone()
    }

    fn find(&self, search: &Search) -> Page {
        reading::find(&self.dir, search).unwrap()
    }

    fn problem(&self) -> String {
        self.check().problem.expect("nothing was found")
    }
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn what_is_written_is_found_again_the_latest_first_and_is_whole() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=20);
    assert!(bench.files().len() > 2, "the chain goes over several files");
    let report = bench.check();
    assert_eq!((report.problem, report.records, report.notes.len()), (None, 21, 0));
    let page = bench.find(&search());
    assert_eq!(numbers(&page), (1..=20).rev().collect::<Vec<_>>());
    assert!(page.found.iter().all(|found| found.intact) && page.next.is_none());
    assert_eq!(page.found.last().unwrap().record.action, "audit.begin");
    let pages: Vec<i64> = std::iter::successors(Some(bench.find(&Search { limit: 7, ..search() })), |page| {
        Some(bench.find(&Search { limit: 7, after: page.next?, ..search() }))
    })
    .flat_map(|page| numbers(&page))
    .collect();
    assert_eq!(pages, (1..=20).rev().collect::<Vec<_>>());
}

#[test]
fn searches_leave_out_what_is_not_sought() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=9);
    let some = |text: &str| Some(text.to_owned());
    let second = 1_000_000_000;
    for (search, expected) in [
        (Search { from: Some(8 * second), ..search() }, vec![9, 8]),
        (Search { until: Some(3 * second), ..search() }, vec![2, 1]),
        (Search { who: some("k1"), ..search() }, vec![7, 4, 1]),
        (Search { who: some("ops"), from: Some(9 * second), ..search() }, vec![9]),
        (Search { action: some("key"), from: Some(9 * second), ..search() }, vec![9]),
        (Search { action: some("key.create"), from: Some(9 * second), ..search() }, vec![9]),
        (Search { action: some("ke"), ..search() }, vec![]),
        (Search { text: some("\"N\":5"), ..search() }, vec![5]),
    ] {
        assert_eq!(numbers(&bench.find(&search)), expected, "{search:?}");
    }
}

#[test]
fn the_oldest_go_and_the_chain_is_whole_from_there() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=200);
    let bytes: u64 = bench.files().iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes <= SMALL.bytes_max, "{bytes}");
    let report = bench.check();
    assert_eq!(report.problem, None);
    assert!(report.records < 100 && report.last.unwrap().0 == 201);
    let left = numbers(&bench.find(&search()));
    assert_eq!(left, (201 - left.len() as i64..=200).rev().collect::<Vec<_>>());
    std::fs::remove_file(&bench.files()[0]).unwrap();
    assert!(bench.problem().contains("are gone"));
}

#[test]
fn a_crash_between_retiring_and_removing_is_no_damage() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=200);
    let kept = bench.files().remove(0);
    let bytes = std::fs::read(&kept).unwrap();
    bench.fill(SMALL, 201..=230);
    assert!(!kept.exists());
    std::fs::write(&kept, bytes).unwrap();
    let report = bench.check();
    assert_eq!((report.problem, report.notes.len()), (None, 1));
    bench.fill(SMALL, [231]);
    assert!(!kept.exists() && bench.check().notes.is_empty());
}

#[test]
fn two_processes_append_to_one_chain() {
    let bench = Bench::new();
    let (mut one, mut other) = (bench.open(SMALL), bench.open(SMALL));
    for n in 0..60 {
        let chain = if n % 3 == 0 { &mut one } else { &mut other };
        chain.append(&[entry(n)]).unwrap();
    }
    assert_eq!(bench.check().problem, None);
    let left = numbers(&bench.find(&search()));
    assert_eq!(left, (60 - left.len() as i64..60).rev().collect::<Vec<_>>());
}

#[test]
fn a_record_that_was_being_written_is_mended_wherever_it_broke_off() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=3);
    let path = bench.newest();
    let whole = std::fs::read(&path).unwrap();
    let (line, _) = entry(4).line(5, super::record::Hash::ZERO);
    for cut in [1, 2, line.len() / 2, line.len() - 1] {
        std::fs::write(&path, [&whole, &line.as_bytes()[..cut]].concat()).unwrap();
        let report = bench.check();
        assert_eq!((report.problem, report.notes.len()), (None, 1), "{cut} bytes");
    }
    bench.fill(SMALL, [4]);
    let report = bench.check();
    assert_eq!((report.problem, report.records, report.notes.len()), (None, 5, 0));
    assert_eq!(numbers(&bench.find(&search())), [4, 3, 2, 1]);
}

#[test]
fn a_crash_before_ends_was_told_or_the_first_record_was_whole_is_no_damage() {
    let bench = Bench::new();
    let ends = bench.dir.audit_ends(CHANGES);
    let begun = std::fs::read(&ends).unwrap();
    std::fs::write(bench.dir.audit_file(CHANGES, 1), "{\"seq").unwrap();
    assert_eq!(bench.check().problem, None);
    bench.fill(SMALL, [1]);
    let before = std::fs::read(&ends).unwrap();
    bench.fill(SMALL, [2]);
    for earlier in [before, begun] {
        std::fs::write(&ends, earlier).unwrap();
        assert_eq!(bench.check().problem, None);
    }
    bench.fill(SMALL, [3]);
    assert_eq!(bench.check().problem, None);
    assert_eq!(numbers(&bench.find(&search())), [3, 2, 1]);
}

/// What was tampered with is found, also after a server has gone on with it.
#[test]
fn tampering_of_every_kind_is_found() {
    type Tamper = (&'static str, fn(&Bench));
    let kinds: [Tamper; 12] = [
        ("a bit of the first record", |b| b.edit(&b.files()[0], |bytes| bytes[20] ^= 1)),
        ("a bit of the last record", |b| b.edit(&b.newest(), |bytes| *bytes.iter_mut().rev().nth(100).unwrap() ^= 4)),
        ("a record is removed", |b| edit_lines(b, |lines| drop(lines.remove(2)))),
        ("the last record is removed", |b| edit_lines(b, |lines| drop(lines.pop()))),
        ("the last record is cut", |b| b.edit(&b.newest(), |bytes| bytes.truncate(bytes.len() - 30))),
        ("two are swapped", |b| edit_lines(b, |lines| lines.swap(1, 2))),
        ("one is there twice", |b| edit_lines(b, |lines| lines.insert(2, lines[1].clone()))),
        ("a file is removed", |b| std::fs::remove_file(&b.files()[1]).unwrap()),
        ("the newest file is removed", |b| std::fs::remove_file(b.newest()).unwrap()),
        ("all files are removed", |b| b.files().iter().for_each(|path| std::fs::remove_file(path).unwrap())),
        ("a record is written anew", |b| {
            edit_lines(b, |lines| {
                let read = super::record::Record::read(lines[1].trim_ascii_end()).unwrap();
                lines[1] = entry(7).line(read.sequence, read.before().unwrap()).0.into_bytes();
            });
        }),
        ("the last record is written anew", |b| {
            edit_lines(b, |lines| {
                let read = super::record::Record::read(lines.last().unwrap().trim_ascii_end()).unwrap();
                *lines.last_mut().unwrap() = entry(7).line(read.sequence, read.before().unwrap()).0.into_bytes();
            });
        }),
    ];
    for (what, tamper) in kinds {
        let bench = Bench::new();
        bench.fill(SMALL, 1..=22);
        assert_eq!(bench.check().problem, None);
        tamper(&bench);
        let before = bench.problem();
        let mut chain = bench.open(SMALL);
        (23..=24).for_each(|n| chain.append(&[entry(n)]).unwrap());
        let after = bench.problem();
        assert!(!before.is_empty() && !after.is_empty(), "{what}");
        let found = bench.find(&search());
        assert_eq!(numbers(&found)[..2], [24, 23], "{what}: nothing more was recorded");
        drop(chain);
    }
}

fn edit_lines(bench: &Bench, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
    bench.edit(&bench.newest(), |bytes| {
        let mut all = lines(bytes);
        assert!(all.len() > 3, "too few records in the newest file");
        edit(&mut all);
        *bytes = all.concat();
    });
}

#[test]
fn a_chain_whose_near_end_is_wrong_says_so_and_goes_on() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=3);
    std::fs::remove_file(bench.dir.audit_ends(CHANGES)).unwrap();
    assert!(bench.problem().contains("ends"));
    bench.fill(SMALL, [4]);
    let damaged = bench.find(&Search { action: Some("audit.damaged".to_owned()), ..search() });
    assert_eq!(damaged.found.len(), 1);
    std::fs::remove_dir_all(bench.dir.audit_chain(CHANGES)).unwrap();
    assert!(bench.problem().contains("gone"));
}

#[test]
fn the_first_broken_place_is_named() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=22);
    let newest = bench.newest();
    let at = lines(&std::fs::read(&newest).unwrap())[0].len();
    let (first, name) = (bench.files()[0].clone(), newest.file_name().unwrap().display().to_string());
    bench.edit(&newest, |bytes| bytes[at + 5] ^= 1);
    assert!(bench.problem().contains(&format!("{name}, byte {at}: record")), "{}", bench.problem());
    bench.edit(&first, |bytes| bytes[5] ^= 1);
    let first = first.file_name().unwrap().display().to_string();
    assert!(bench.problem().contains(&format!("{first}, byte 0: record 1 ")), "{}", bench.problem());
}

/// Bytes all over every file, each with another bit.
#[test]
fn no_bit_can_be_changed_unseen() {
    let bench = Bench::new();
    bench.fill(SMALL, 1..=12);
    let mut files = bench.files();
    files.push(bench.dir.audit_ends(CHANGES));
    for path in &files {
        let whole = std::fs::read(path).unwrap();
        for at in (0..whole.len()).step_by(11).chain([whole.len() - 1]) {
            bench.edit(path, |bytes| bytes[at] ^= 1 << (at % 8));
            assert!(bench.check().problem.is_some(), "byte {at} of {}", path.display());
            std::fs::write(path, &whole).unwrap();
        }
    }
    assert_eq!(bench.check().problem, None);
}

#[test]
fn fuzz_whatever_stands_in_the_files_is_read_and_gone_on_with() {
    let whole = Bench::new();
    whole.fill(SMALL, 1..=5);
    let (records, ends) =
        (std::fs::read(whole.newest()).unwrap(), std::fs::read(whole.dir.audit_ends(CHANGES)).unwrap());
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let runs = std::env::var("OUTCROP_FUZZ_ROUNDS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(200);
    for _ in 0..runs {
        let bench = Bench::new();
        let mut files = [records.clone(), ends.clone()];
        for bytes in &mut files {
            (0..random(4)).for_each(|_| {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            });
            bytes.truncate(if random(2) == 0 { random(bytes.len()) } else { bytes.len() });
        }
        let [records, ends] = files;
        std::fs::write(bench.dir.audit_file(CHANGES, 1), records).unwrap();
        std::fs::write(bench.dir.audit_ends(CHANGES), ends).unwrap();
        let _report = bench.check();
        bench.fill(SMALL, [99]);
        assert_eq!(numbers(&bench.find(&search()))[0], 99);
    }
}

#[test]
fn long_tellings_are_cut_and_say_so() {
    let bench = Bench::new();
    let what = json!({ "text": "ü".repeat(limits::WHAT_BYTES_MAX) });
    bench.open(SMALL).append(&[Entry { what: what.clone(), ..entry(1) }]).unwrap();
    let found = bench.find(&search()).found.remove(0).record.what;
    assert_eq!(found["bytes"], what.to_string().len());
    assert!(what.to_string().starts_with(found["begins"].as_str().unwrap()));
    assert_eq!(bench.check().problem, None);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_was_told_before_is_found_and_refusals_that_are_alike_are_one() {
    let bench = Bench::new();
    let audit = Audit::open(&bench.dir).unwrap();
    let refusal = |route: &str| Refusal { who: None, peer: None, route: route.to_owned(), code: "c".to_owned() };
    let found = runtime().block_on(async {
        for n in 0..600 {
            audit.asked(entry(n)).await;
        }
        audit.changed(entry(600)).await.unwrap();
        // One lock for all, so that they are of one batch.
        (0..1_000).for_each(|n| audit.refused(refusal(&format!("r{}", n % 200)), n));
        audit.find(search()).await.unwrap()
    });
    assert_eq!(numbers(&found).len(), 601);
    let times = |found: &super::Found| found.record.what["times"].as_u64();
    let refused: Vec<u64> = found.found.iter().filter_map(times).collect();
    assert_eq!(refused.iter().sum::<u64>(), 1_000);
    assert!(refused.len() <= 3 * (limits::REFUSALS_MAX + 1), "{} records", refused.len());
    audit.close();
    assert!(runtime().block_on(audit.changed(entry(1))).is_err(), "nobody waits for a log that is closed");
}

#[test]
fn what_could_not_be_written_is_said_later() {
    let bench = Bench::new();
    let audit = Audit::open(&bench.dir).unwrap();
    let directory = bench.dir.audit_chain(CHANGES);
    let aside = directory.with_extension("aside");
    let runtime = runtime();
    // No file can be made where there is no directory.
    std::fs::rename(&directory, &aside).unwrap();
    assert!(runtime.block_on(audit.changed(entry(1))).is_err());
    std::fs::rename(&aside, &directory).unwrap();
    runtime.block_on(audit.changed(entry(2))).unwrap();
    assert_eq!(audit.counts(), (1, 1));
    let lost = Search { action: Some("audit.lost".to_owned()), ..search() };
    let lost: Vec<Value> = bench.find(&lost).found.into_iter().map(|found| found.record.what).collect();
    assert_eq!(lost, [json!({ "records": 1 })]);
    assert_eq!(bench.check().problem, None);
}
