//! Actions, documents and what becomes of them.

use outcrop_storage::event::DatasetName;
use serde_json::{Value, json};

use super::{Action, Verb};
use crate::tests::{RECEIVED, memory, rejected, rows};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

fn bulk_to(index: Option<&str>, body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("unused").unwrap();
    let limits = Limits::default();
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits: &limits, memory: &memory, redaction: None };
    let protocol = Protocol::Elasticsearch { index: index.map(str::to_owned) };
    decode(&protocol, Encoding::Identity, body.as_ref(), &context)
}

fn bulk(body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    bulk_to(None, body)
}

fn by_dataset(decoded: &Decoded) -> Vec<(String, usize)> {
    decoded.batches.iter().map(|(dataset, batch)| (dataset.to_string(), batch.rows())).collect()
}

#[test]
fn documents_become_events() {
    let body = concat!(
        "{\"create\":{\"_index\":\"web-2026.11.20\",\"_id\":\"a\\n1\",\"pipeline\":{\"x\":[1]}}}\n",
        "{\"@timestamp\":\"2023-11-14T22:13:20Z\",\"http\":{\"status\":200},\"tags\":[1, 2]}\n",
        "\n",
        " {\"index\" : {} } \r\n",
        "{\"message\":\"hi\",\"_id\":\"the document's\"}\n",
        "{\"create\":{\"_index\":\"web\",\"_id\":7}}\n",
        "{\"a\":1}"
    );
    let decoded = bulk_to(Some("Apps"), body).unwrap();
    assert_eq!((decoded.items, decoded.rejects.total), (3, 0));
    assert_eq!(by_dataset(&decoded), [("web".to_owned(), 2), ("apps".to_owned(), 1)]);
    assert_eq!(
        rows(&decoded),
        [
            json!({ "timestamp": 1_700_000_000_000_000_000_u64, "http.status": 200, "tags": "[1,2]", "_id": "a\n1" }),
            json!({ "a": 1 }),
            json!({ "message": "hi", "_id": "the document's" }),
        ]
    );
    assert_eq!(decoded.actions.indexes, ["web-2026.11.20", "Apps", "web"]);
    let verbs = [(Verb::Create, 0), (Verb::Index, 1), (Verb::Create, 2)];
    assert_eq!(decoded.actions.all, verbs.map(|(verb, index)| Action { verb, index }));
}

#[test]
fn what_cannot_be_an_event_is_rejected_by_itself_and_in_order() {
    let body = concat!(
        "{\"create\":{\"_index\":\"a\"}}\n{\"n\":1}\n",
        "{\"update\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"doc\":{\"n\":2}}\n",
        "{\"delete\":{\"_index\":\"a\",\"_id\":\"1\"}}\n",
        "{\"create\":{\"_index\":\"b\"}}\n{\"n\":\n",
        "{\"create\":{}}\n{\"n\":3}\n",
        "{\"create\":{\"_index\":\"a\"}}\n[1]\n",
        "{\"create\":{\"_index\":\"a\"}}\n{\"\":1}\n",
        "{\"create\":{\"_index\":\"a\"}}\n{\"n\":4}{}\n",
        "{\"create\":{\"_index\":\"b\"}}\n{\"n\":5}\n",
        "{\"create\":{\"_index\":\"b\"}}\n",
    );
    let decoded = bulk(body).unwrap();
    assert_eq!((decoded.items, decoded.accepted), (10, 2));
    let by_item: Vec<bool> = decoded.rejects.by_item(decoded.items).map(|error| error.is_some()).collect();
    assert_eq!(by_item, [false, true, true, true, true, true, true, true, false, true]);
    let errors: Vec<Option<&str>> = decoded.rejects.by_item(decoded.items).collect();
    for (item, part) in [
        (1, "[update]"),
        (2, "[delete]"),
        (3, "middle"),
        (4, "_index"),
        (5, "not an object"),
        (6, "field name"),
        (7, "more follows"),
        (9, "no document"),
    ] {
        assert!(errors[item].unwrap().contains(part), "{item}: {:?}", errors[item]);
    }
}

#[test]
fn many_rejects_of_several_indexes_are_each_in_their_place() {
    let body: String = (0..600)
        .map(|at| format!("{{\"create\":{{\"_index\":\"i{}\"}}}}\n{}\n", at % 3, if at % 2 == 0 { "7" } else { "{}" }))
        .collect();
    let decoded = bulk(body).unwrap();
    for (at, error) in decoded.rejects.by_item(decoded.items).enumerate() {
        assert_eq!(error.is_some(), at % 2 == 0, "{at}");
    }
    assert_eq!(decoded.accepted, 300);
}

#[test]
fn bytes_that_are_not_utf8_reject_their_document_only() {
    let decoded =
        bulk(b"{\"create\":{\"_index\":\"a\"}}\n{\"n\":\"\xff\"}\n{\"create\":{\"_index\":\"a\"}}\n{\"n\":2}\n")
            .unwrap();
    assert_eq!((rows(&decoded), rejected(&decoded)), (vec![json!({"n": 2})], vec![0]));
}

#[test]
fn a_line_that_should_be_an_action_and_is_none_refuses_the_request() {
    for line in [
        "x",
        "{}",
        "[]",
        "{\"create\"}",
        "{\"create\":1}",
        "{\"put\":{}}",
        "{\"create\":{}",
        "{\"create\":{}}x",
        "{\"create\":{},\"index\":{}}",
        "{\"create\":{\"_index\":}}",
        "{\"create\":{\"_index\":\"a\",}}",
    ] {
        match bulk(format!("{{\"create\":{{\"_index\":\"a\"}}}}\n{{\"n\":1}}\n{line}\n{{\"n\":2}}\n")) {
            Err(DecodeError::Malformed { message }) => {
                assert!(message.starts_with("Malformed action/metadata line [3]"), "{line}: {message}")
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    assert_eq!(bulk("").unwrap().items, 0);
}

#[test]
fn actions_and_datasets_have_limits() {
    let many = "{\"delete\":{}}\n".repeat(250_001);
    assert!(matches!(bulk(&many), Err(DecodeError::TooLarge { .. })));
    let indexes: String = (0..1_005).map(|at| format!("{{\"create\":{{\"_index\":\"i{at}\"}}}}\n{{}}\n")).collect();
    let decoded = bulk(indexes).unwrap();
    assert_eq!((decoded.accepted, decoded.rejects.total, decoded.batches.len()), (1_000, 5, 1_000));
}

#[test]
fn every_prefix_and_every_spoiled_byte_is_answered() {
    let body = "{\"create\":{\"_index\":\"a\",\"_id\":\"x\"}}\n{\"n\":[1,{\"b\":\"\\ud83d\\ude00\"}]}\n{\"delete\":{\"_id\":\"\"}}\n";
    for end in 0..body.len() {
        let _ = bulk(&body[..end]);
        for byte in [0, b'"', b'{', b'}', b'\\', b'\n', 0xff] {
            let mut spoiled = body.as_bytes().to_vec();
            spoiled[end] = byte;
            if let Ok(decoded) = bulk(&spoiled) {
                let shown: Vec<Value> = rows(&decoded);
                assert_eq!(shown.len(), decoded.accepted);
                assert_eq!(decoded.actions.all.len(), decoded.items);
            }
        }
    }
}
