//! Identities: the same for the same request, different for any other.

use super::*;

fn id(principal: &str, dataset: &str, id: &str, body: &str) -> BatchId {
    BatchId::new(*b"a store of tests", principal, &DatasetName::new(dataset).unwrap(), id, body.as_bytes())
}

#[test]
fn everything_that_scopes_an_id_makes_another() {
    let first = id("", "shop", "1", "{}");
    assert_eq!(first, id("", "shop", "1", "{}"));
    assert_eq!(first, id("", " Shop ", "1", "{}"), "names of datasets are trimmed and in lower case");
    let others =
        [id("k", "shop", "1", "{}"), id("", "web", "1", "{}"), id("", "shop", "2", "{}"), id("", "shop1", "", "{}")];
    assert!(others.iter().all(|other| other.key != first.key));
    assert_ne!(id("a", "b", "", "").key, id("", "ab", "", "").key);
    let body = id("", "shop", "1", "[]");
    assert!(body.key == first.key && body.body != first.body);
    let elsewhere = BatchId::new([0; 16], "", &DatasetName::new("shop").unwrap(), "1", b"{}");
    assert_ne!(elsewhere.key, first.key, "another store");
}

/// Written into log files: a change here is a new format version.
#[test]
fn never_change_these_bytes() {
    let BatchId { key, body } = id("key", "shop", "batch-1", "{\"a\":1}");
    let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!((hex.as_str(), body), ("cca8cdacaf6f971231d68f3f955a6ec6", 14_259_370_793_657_193_414));
}
