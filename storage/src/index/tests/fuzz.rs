//! Changed bytes for whoever opens a sidecar: refused, or asked without a panic.

use super::damage::{all_said, bench, content, seal};
use crate::testing::fuzz::fuzz;

/// Under sums that were not changed, every change is noticed.
#[test]
fn fuzz_sidecars() {
    let (bench, info) = bench(300);
    let path = bench.sidecar(info.id.0);
    let whole = std::fs::read(&path).unwrap();
    let said = all_said(&bench.segment(&info)).unwrap();
    fuzz(std::slice::from_ref(&whole), &[b"OUTCRIDX", b"OUTCRSUM"], |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let now = all_said(&bench.segment(&info));
        assert!(now.is_none() || now.as_ref() == Some(&said), "changed bytes were believed");
    });
}

/// Under sums that fit, the bytes are anybody's: what a bug in a writer would leave. Whatever is said then, nothing panics,
/// hangs or grows.
#[test]
fn fuzz_parts_of_sidecars() {
    let (bench, info) = bench(300);
    let path = bench.sidecar(info.id.0);
    let whole = content(&path);
    let directory = whole[whole.len() - 2_500..].to_vec();
    let at = whole.len() - directory.len();
    // The directory leads to everything else, so half of the rounds change nothing but it.
    fuzz(std::slice::from_ref(&whole), &[], |bytes| {
        seal(&path, bytes);
        let _no_panic = all_said(&bench.segment(&info));
    });
    fuzz(&[directory], &[], |bytes| {
        seal(&path, &[&whole[..at], bytes].concat());
        let _no_panic = all_said(&bench.segment(&info));
    });
}
