//! One bit of any file changes: the store starts, says so, and serves the rest unchanged; or nothing was changed that
//! matters. `OUTCROP_FLIPS` says how many positions to try.

use std::fs;

use super::*;
use crate::repair;

const FLIPS_DEFAULT: u64 = 60;

/// A directory with files of every kind: segments as flushed and as merged, a log, a catalog.
fn directory_of_all_kinds(bench: &Bench) -> BTreeMap<&'static str, Vec<Numbered>> {
    let store = bench.open();
    for n in 0..6 {
        append(&store, "shop", n * 40..n * 40 + 40).unwrap();
        append(&store, "web", 1_000 + n * 3..1_003 + n * 3).unwrap();
        store.flush().unwrap();
        if n == 3 {
            store.compact().unwrap();
        }
    }
    append(&store, "shop", 500..520).unwrap();
    append(&store, "web", 1_500..1_501).unwrap();
    ["shop", "web"].map(|dataset| (dataset, content(&store, dataset))).into()
}

/// What a directory holds, and whether anybody said that something is wrong.
fn outcome(bench: &Bench) -> (BTreeMap<&'static str, Vec<Numbered>>, bool) {
    let (store, repaired) = match bench.try_open() {
        Ok(store) => (store, false),
        Err(_) => {
            repair::repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).unwrap();
            (bench.open(), true)
        }
    };
    let mut told = repaired;
    let mut held = BTreeMap::new();
    for dataset in ["shop", "web"] {
        let mut events = Vec::new();
        let snapshot = store.snapshot();
        if let Some(snapshot) = snapshot.dataset(dataset) {
            events.extend(snapshot.memtable.iter().flat_map(|b| testing::stored(b)));
            for segment in snapshot.segments.iter() {
                match segment.open().map_err(|e| e.to_string()).and_then(|open| testing::read(&open)) {
                    Ok(read) => {
                        testing::check_evidence(segment, &read);
                        events.extend(read);
                    }
                    Err(_) => told = true,
                }
            }
        }
        events.sort_by_key(|e| e.sequence);
        held.insert(dataset, events);
    }
    told |= !store.health().damage.is_empty();
    (held, told)
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let flips = std::env::var("OUTCROP_FLIPS").map_or(FLIPS_DEFAULT, |text| text.parse().unwrap());
    let original = Bench { upkeep: false, ..Bench::new() };
    let wanted = directory_of_all_kinds(&original);
    let files: Vec<(PathBuf, Vec<u8>)> =
        original.all_files().into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut noticed: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for _ in 0..flips {
        // Every kind of file gets its share, however large it is.
        let kinds: std::collections::BTreeSet<_> = files.iter().map(|(path, _)| path.extension()).collect();
        let kind = *random.choice(kinds.iter().collect::<Vec<_>>()).unwrap();
        let of_kind: Vec<_> =
            files.iter().filter(|(path, bytes)| path.extension() == kind && !bytes.is_empty()).collect();
        let Some((changed, bytes)) = random.choice(of_kind) else { continue };
        let bit = random.usize(0..bytes.len() * 8);
        let bench = Bench { upkeep: false, ..Bench::new() };
        for (path, bytes) in &files {
            let target = bench.data_dir().root().join(path.strip_prefix(original.data_dir().root()).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            let mut bytes = bytes.clone();
            if path == changed {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            fs::write(target, bytes).unwrap();
        }
        let (held, told) = outcome(&bench);
        let count = noticed.entry(kind.unwrap_or_default().to_string_lossy().into_owned()).or_default();
        count.0 += 1;
        count.1 += u64::from(told);
        for (dataset, events) in &held {
            let wanted = &wanted[dataset];
            let what = format!("bit {bit} of {}", changed.display());
            assert!(events.iter().all(|e| wanted.contains(e)), "{what} changed an event");
            assert!(events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "{what} doubled an event");
            assert!(told || events == wanted, "{what} lost events in silence");
        }
    }
    println!("flips by kind of file, and how many were noticed: {noticed:?}");
}
