//! Dataset names out of what senders call their services, indexes and streams.
//!
//! Must not know protocols.

use outcrop_storage::event::DatasetName;
use outcrop_storage::limits::DATASET_NAME_BYTES_MAX;

/// The dataset that a sender means by this name: characters that no dataset's name may have become `-`, and what is too
/// long is cut. `None` if nothing is left.
pub fn dataset_name(sent: &str) -> Option<DatasetName> {
    let tame = |c: char| if c.is_control() || matches!(c, ',' | '*' | '/' | '\\') { '-' } else { c };
    let name: String = sent.trim().chars().map(tame).collect::<String>().to_lowercase();
    DatasetName::new(&name[..name.floor_char_boundary(DATASET_NAME_BYTES_MAX)]).ok()
}

#[cfg(test)]
mod tests {
    use super::dataset_name;

    #[test]
    fn names_are_made_to_fit() {
        for (sent, kept) in [
            ("Shop", Some("shop")),
            (" a b ", Some("a b")),
            ("a,b*c/d\\e\u{0}f", Some("a-b-c-d-e-f")),
            ("gr\u{fc}\u{df}e", Some("gr\u{fc}\u{df}e")),
            ("", None),
            (" \n ", None),
        ] {
            assert_eq!(dataset_name(sent).as_ref().map(|name| name.as_str()), kept, "{sent:?}");
        }
        let long = dataset_name(&"\u{e9}".repeat(100)).map(|name| name.as_str().len());
        assert_eq!(long, Some(128));
        // Lower case may need more bytes than upper case.
        assert!(dataset_name(&"\u{130}".repeat(64)).is_some());
    }
}
