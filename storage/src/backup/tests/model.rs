//! Any run of changes and backups: each generation that is there is the store as it was then.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u8, u8),
    Flush,
    Compact,
    Drop(u8),
    Reopen,
    Backup(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3u8, 1..20u8).prop_map(|(dataset, events)| Step::Append(dataset, events)),
        3 => Just(Step::Flush),
        2 => Just(Step::Compact),
        1 => (0..3u8).prop_map(Step::Drop),
        1 => Just(Step::Reopen),
        3 => (1..4u8).prop_map(Step::Backup),
    ];
    proptest::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn generations_are_what_was_there(steps in steps()) {
        let bench = Bench::new();
        let mut store = Some(bench.open());
        let (mut next, mut taken, mut kept) = (0, Vec::new(), 0);
        for step in steps {
            let own = store.as_ref().unwrap();
            match step {
                Step::Append(dataset, events) => {
                    append(own, ["a", "b", "c"][dataset as usize], next..next + i64::from(events));
                    next += i64::from(events);
                }
                Step::Flush => own.flush().unwrap(),
                Step::Compact => own.compact().unwrap(),
                Step::Drop(dataset) => {
                    if let Some(info) = own.dataset(&name(["a", "b", "c"][dataset as usize])) {
                        own.drop_dataset(info.id).unwrap();
                    }
                }
                Step::Reopen => {
                    drop(store.take());
                    store = Some(bench.open());
                }
                Step::Backup(keep) => {
                    let report =
                        backup(&bench.data_dir(), &bench.backups(), keep.into(), &real(), &*bench.clock, |_, _| ());
                    let report = report.unwrap();
                    taken.push(content(own));
                    kept = (kept + 1).min(usize::from(keep));
                    prop_assert_eq!((report.generation, report.generations), (taken.len() as u64, kept as u64));
                }
            }
        }
        for (at, wanted) in taken.iter().enumerate() {
            let generation = Some(at as u64 + 1);
            if at + kept >= taken.len() {
                prop_assert_eq!(&bench.restored(generation), wanted);
            } else {
                prop_assert!(bench.try_restore(generation, "restored").is_err());
            }
        }
    }
}
