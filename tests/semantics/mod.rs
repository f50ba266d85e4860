//! What answers mean: every `*.test` script beside this file, run three times, because an answer must not depend on where
//! events lie: in the memtable, in segments, or half and half. README.md explains the language.
//!
//! [`script`] reads a script, [`run`] asks its questions. A new script needs a line in `scripts!`.

mod run;
mod script;

use std::collections::BTreeSet;
use std::path::Path;

use run::Lie;

fn check(name: &str, lie: Lie) {
    let path = directory().join(format!("{name}.test"));
    let text = std::fs::read_to_string(path).unwrap();
    let failures = run::run(&text, lie).unwrap_or_else(|e| panic!("{name}.test: {e}"));
    let count = failures.len();
    assert!(failures.is_empty(), "{name}.test, {lie:?}: {count} failures\n{}", failures.join("\n"));
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/semantics"))
}

macro_rules! scripts {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{check, run::Lie};

            #[test]
            fn in_memory() {
                check(stringify!($name), Lie::InMemory);
            }

            #[test]
            fn in_segments() {
                check(stringify!($name), Lie::InSegments);
            }

            #[test]
            fn half_and_half() {
                check(stringify!($name), Lie::HalfAndHalf);
            }
        })*

        #[test]
        fn every_script_is_run() {
            let run = BTreeSet::from([$(stringify!($name).to_owned()),*]);
            let names = std::fs::read_dir(directory()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
            let written: BTreeSet<String> = names.filter_map(|n| n.strip_suffix(".test").map(str::to_owned)).collect();
            assert_eq!(run, written);
        }
    };
}

scripts! {
    events
    times_of_events
    sample_rates
    comparing
    large_numbers
    aggregates
    estimates
    groups
    time
    unknown_names
    nothing
}

/// The canary: a runner that finds nothing wrong here would find nothing wrong anywhere.
#[test]
fn wrong_expectations_are_found() {
    let text = "load d\n{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n\
                query d {}\ngives [3]\n\
                query d {}\nexpect {\"rows\":[[1]]}\n\
                query d {}\nstatus 404\n\
                query d {\"nonsense\":1}\n\
                filters d\n  n = 1 -> b\n  n > 0 -> a\n  n = 3 -> a b\n";
    let failures = run::run(text, Lie::InMemory).unwrap();
    let lines: Vec<&str> = failures.iter().filter_map(|f| f.split(':').next()).collect();
    assert_eq!(lines, ["line 4", "line 6", "line 8", "line 10", "line 12", "line 13", "line 14"], "{failures:#?}");
}
