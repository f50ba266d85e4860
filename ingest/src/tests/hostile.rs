//! Bodies made to break the decoder: each ends in an answer, none in a panic or in memory without bound.

use serde_json::json;

use super::{decode_json, decode_with, rejected, rows};
use crate::{DecodeError, Limits};

fn fields(count: usize) -> String {
    let fields: Vec<String> = (0..count).map(|field| format!("\"f{field}\":{field}")).collect();
    format!("{{{}}}", fields.join(","))
}

#[test]
fn an_event_has_at_most_2000_fields() {
    let decoded =
        decode_json(format!("{}\n{}\n{}\n{{\"a\":1}}", fields(2_000), fields(2_001), fields(10_000))).unwrap();
    assert_eq!((decoded.accepted, rejected(&decoded)), (2, vec![1, 2]));
    assert!(decoded.rejects.listed[0].error.contains("more than 2000 fields"), "{:?}", decoded.rejects);
    let beside = format!("{{\"x\":null,\"time\":1,\"sample_rate\":2,{}", &fields(1_998)[1..]);
    assert_eq!(decode_json(beside).unwrap().accepted, 1);
}

#[test]
fn an_event_has_at_most_1_mib() {
    let sized = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let (fits, over) = (sized(1 << 20), sized((1 << 20) + 1));
    for body in [format!("{fits}\n {over}\n{{\"b\":1}}"), format!("[{fits},\n{over} ,{{\"b\":1}}]")] {
        let decoded = decode_json(body).unwrap();
        assert_eq!((decoded.accepted, rejected(&decoded)), (2, vec![1]));
        assert!(decoded.rejects.listed[0].error.contains("1048577 bytes"), "{:?}", decoded.rejects);
    }
    assert_eq!(decode_json(over).unwrap().rejects.total, 1);
}

#[test]
fn long_strings_are_cut_between_characters_and_named() {
    let limits = Limits { string_bytes_max: 5, ..Limits::default() };
    let body = r#"{"a":"12345","b":"1234é","c":"x\u0031\u0032345","d":[1,2,3],"a2":"123456","a2":"1"}"#;
    assert_eq!(
        rows(&decode_with(body.as_bytes(), &limits).unwrap()),
        [json!({"a":"12345","b":"1234","c":"x1234","d":"[1,2,","a2":"1","meta.truncated":"b,c,d"})]
    );
    let body = format!("{{\"a\":\"{}\",\"b\":\"{}\"}}", "x".repeat(64 << 10), "y".repeat((64 << 10) + 1));
    let row = &rows(&decode_json(body).unwrap())[0];
    assert_eq!(row["meta.truncated"], "b");
    assert_eq!(row["b"].as_str().map(str::len), Some(64 << 10));
}

#[test]
fn a_body_is_bounded() {
    let limits = Limits { body_bytes_max: 7, ..Limits::default() };
    assert_eq!(decode_with(b"{\"a\":1}", &limits).unwrap().accepted, 1);
    assert!(matches!(decode_with(b"{\"a\":1} ", &limits), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn rejects_are_all_counted_and_the_first_100_listed() {
    let decoded = decode_json("x\n".repeat(250) + "{}\n").unwrap();
    assert_eq!((decoded.rejects.total, decoded.rejects.listed.len(), decoded.accepted), (250, 100, 1));
}

#[test]
fn every_prefix_of_a_body_is_answered() {
    let event = "{\"a\":{\"b\":[1,{\"c\":\"\\ud83d\\ude00é\"}]},\"t\":tru\u{65},\"n\":-1.5e+3,\"x\":null}";
    for body in [event.to_owned(), format!("[{event},{event}]"), format!("{event}\r\n{event}\n")] {
        for end in 0..body.len() {
            let _ = decode_json(&body.as_bytes()[..end]);
            let mut spoiled = body.clone().into_bytes();
            for byte in [0, b'"', b'{', b']', b'\\', 0xff] {
                spoiled[end] = byte;
                let _ = decode_json(&spoiled);
            }
        }
        assert_eq!(decode_json(&body).unwrap().rejects.total, 0);
    }
}

#[test]
fn endless_nesting_ends() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let lines = decode_json(format!("{{\"a\":1}}\n{{\"a\":{deep}}}\n")).unwrap();
        assert_eq!((lines.accepted, rejected(&lines)), (1, vec![1]));
        let array = decode_json(format!("[{{\"a\":{deep}}},{{\"a\":1}}]")).unwrap();
        assert_eq!((array.accepted, rejected(&array)), (1, vec![0]));
        assert!(matches!(decode_json(format!("{{\"a\":{}", open.repeat(100_000))), Err(DecodeError::Malformed { .. })));
    }
    assert_eq!(rejected(&decode_json(format!("[{}{}]", "[".repeat(1_000), "]".repeat(1_000))).unwrap()), [0]);
}

#[test]
fn names_made_of_data_close_batches() {
    let body: String = (0..5).map(|event| fields(1_500).replace('f', &format!("e{event}_")) + "\n").collect();
    let decoded = decode_json(&body).unwrap();
    let widths: Vec<usize> = decoded.batches.iter().map(|(_, batch)| batch.columns().len()).collect();
    assert_eq!(widths, [3_000, 3_000, 1_500]);
    assert_eq!(rows(&decoded).len(), 5);
}
