//! What answers mean: every `*.test` script beside this file, run many times, because an answer must not depend on where
//! events lie: in the memtable, in segments, or half and half; in columns, in overflow, or some here and some there.
//! README.md explains the language.
//!
//! [`script`] reads a script, [`run`] asks its questions. A new script needs a line in `scripts!`.

mod run;
mod script;

use std::collections::BTreeSet;
use std::path::Path;

use run::{Fields, Lie};

fn check(name: &str, lie: Lie, fields: Fields) {
    let path = directory().join(format!("{name}.test"));
    let text = std::fs::read_to_string(path).unwrap();
    let failures = run::run(&text, lie, fields).unwrap_or_else(|e| panic!("{name}.test: {e}"));
    let count = failures.len();
    assert!(failures.is_empty(), "{name}.test, {lie:?}, {fields:?}: {count} failures\n{}", failures.join("\n"));
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/semantics"))
}

macro_rules! ways {
    ($name:literal: $($way:ident $lie:ident $fields:ident)*) => {
        $(#[test]
        fn $way() {
            check($name, Lie::$lie, Fields::$fields);
        })*
    };
}

macro_rules! scripts {
    ($($name:ident $text:literal)*) => {
        $(mod $name {
            use super::{check, run::{Fields, Lie}};

            ways! { $text:
                in_memory InMemory InColumns
                in_segments InSegments InColumns
                half_and_half HalfAndHalf InColumns
                in_memory_in_overflow InMemory InOverflow
                in_segments_in_overflow InSegments InOverflow
                half_and_half_unlisted HalfAndHalf Unlisted
                in_segments_with_more_columns InSegments MoreColumns
                half_and_half_with_more_columns HalfAndHalf MoreColumns
                half_and_half_with_fewer_columns HalfAndHalf FewerColumns
            }
        })*

        #[test]
        fn every_script_is_run() {
            let run = BTreeSet::from([$($text.to_owned()),*]);
            assert!([$(stringify!($name)),*].iter().all(|name| run.contains(*name)));
            let names = std::fs::read_dir(directory()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
            let written: BTreeSet<String> = names.filter_map(|n| n.strip_suffix(".test").map(str::to_owned)).collect();
            assert_eq!(run, written);
        }
    };
}

scripts! {
    events "events"
    times_of_events "times_of_events"
    sample_rates "sample_rates"
    comparing "comparing"
    large_numbers "large_numbers"
    aggregates "aggregates"
    estimates "estimates"
    groups "groups"
    time "time"
    unknown_names "unknown_names"
    nothing "nothing"
    calculated_fields "calculated_fields"
    formulas "formulas"
    related "related"
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
    let failures = run::run(text, Lie::InMemory, Fields::InColumns).unwrap();
    let lines: Vec<&str> = failures.iter().filter_map(|f| f.split(':').next()).collect();
    assert_eq!(lines, ["line 4", "line 6", "line 8", "line 10", "line 12", "line 13", "line 14"], "{failures:#?}");
}
