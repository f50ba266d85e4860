//! Envelopes and answers sentence by sentence; MessagePack against JSON; bodies made to break either.

use outcrop_storage::event::DatasetName;
use proptest::prelude::*;
use rmpv::Value as Packed;
use serde_json::{Value, json};

use super::{Call, EMPTY, Format, Honeycomb};
use crate::tests::{RECEIVED, memory, rejected, rows};
use crate::{Context, DecodeError, Decoded, Encoding, Limits, Protocol, decode};

fn decode_as(call: Call, format: Format, body: &[u8]) -> Result<Decoded, DecodeError> {
    let dataset = DatasetName::new("tests").unwrap();
    let limits = Limits::default();
    let memory = memory();
    let context = Context { dataset: &dataset, received: RECEIVED, limits: &limits, memory: &memory, redaction: None };
    decode(&Protocol::Honeycomb(Honeycomb { call, format }), Encoding::Identity, body, &context)
}

fn batch(body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    decode_as(Call::Batch, Format::Json, body.as_ref())
}

fn packed(body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    decode_as(Call::Batch, Format::MessagePack, body.as_ref())
}

fn pack(value: &Packed) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

fn map(members: &[(&str, Packed)]) -> Packed {
    Packed::Map(members.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
}

/// (what, batch, rows, indexes of the rejected)
const BATCHES: &[(&str, &str, &str, &[usize])] = &[
    (
        "the envelope",
        r#"[{"time":"2023-11-14T22:13:20.5Z","samplerate":4,"data":{"a":1,"b":{"c":"x"}}},{"data":{"k":"v"}}]"#,
        r#"[{"timestamp":1700000000500000000,"sample_rate":4,"a":1,"b.c":"x"},{"k":"v"}]"#,
        &[],
    ),
    (
        "in any order",
        r#"[{"data":{"a":1},"samplerate":2,"time":"1700000000"}]"#,
        r#"[{"timestamp":1700000000000000000,"sample_rate":2,"a":1}]"#,
        &[],
    ),
    ("escaped keys", r#"[{"d\u0061ta":{"a":1},"\u0073amplerate":2}]"#, r#"[{"sample_rate":2,"a":1}]"#, &[]),
    ("other keys are passed over", r#"[{"dataset":"x","data":{"a":1},"z":[{"data":{}}]}]"#, r#"[{"a":1}]"#, &[]),
    (
        "the last of a repeated key",
        r#"[{"data":{"a":1},"data":{"b":2}},{"data":{"a":1},"data":3},{"data":1,"data":{"c":3}}]"#,
        r#"[{"b":2},{"c":3}]"#,
        &[1],
    ),
    ("null is not given", r#"[{"time":null,"samplerate":null,"data":{"a":null,"b":1}}]"#, r#"[{"b":1}]"#, &[]),
    ("a rate of 0 is not given", r#"[{"samplerate":0,"data":{"a":1}}]"#, r#"[{"a":1}]"#, &[]),
    (
        "a rate in a string, with decimals",
        r#"[{"samplerate":"20","data":{"a":1}},{"samplerate":5.0,"data":{"a":1}}]"#,
        r#"[{"sample_rate":20,"a":1},{"sample_rate":5,"a":1}]"#,
        &[],
    ),
    (
        "rates that cannot be read",
        r#"[{"samplerate":-1,"data":{"a":1}},{"samplerate":"often","data":{"a":1}},{"samplerate":[2],"data":{"a":1}},{"samplerate":true,"data":{"a":1}}]"#,
        r#"[{"meta.invalid_sample_rate":"-1","a":1},{"meta.invalid_sample_rate":"often","a":1},{"meta.invalid_sample_rate":"[2]","a":1},{"meta.invalid_sample_rate":"true","a":1}]"#,
        &[],
    ),
    (
        "numeric times",
        r#"[{"time":"1535589382","data":{"a":1}},{"time":"15355893826","data":{"a":1}},{"time":"1535589382641","data":{"a":1}},{"time":"1535589382641123","data":{"a":1}},{"time":"1535589382641123456","data":{"a":1}},{"time":"1535589382.641","data":{"a":1}},{"time":1535589382.641123456,"data":{"a":1}},{"time":1535589382,"data":{"a":1}}]"#,
        r#"[{"timestamp":1535589382000000000,"a":1},{"timestamp":1535589382600000000,"a":1},{"timestamp":1535589382641000000,"a":1},{"timestamp":1535589382641123000,"a":1},{"timestamp":1535589382641123456,"a":1},{"timestamp":1535589382641000000,"a":1},{"timestamp":1535589382641123456,"a":1},{"timestamp":1535589382000000000,"a":1}]"#,
        &[],
    ),
    (
        "times that cannot be read",
        r#"[{"time":"yesterday","data":{"a":1}},{"time":"","data":{"a":1}},{"time":{"s":1},"data":{"a":1}},{"time":"1969-12-31T23:59:59Z","data":{"a":1}}]"#,
        r#"[{"meta.invalid_timestamp":"yesterday","a":1},{"meta.invalid_timestamp":"","a":1},{"meta.invalid_timestamp":"{\"s\":1}","a":1},{"meta.invalid_timestamp":"1969-12-31T23:59:59Z","a":1}]"#,
        &[],
    ),
    (
        "fields of data mean nothing special",
        r#"[{"data":{"time":12,"@timestamp":"x","SampleRate":7,"samplerate":8,"timestamp":1,"sample_rate":2,"meta.dataset":"d"}}]"#,
        r#"[{"time":12,"@timestamp":"x","SampleRate":7,"samplerate":8,"meta.sent.timestamp":1,"meta.sent.sample_rate":2,"meta.sent.meta.dataset":"d"}]"#,
        &[],
    ),
    (
        "one bad event never fails the others",
        r#"[{"data":{"a":1}},7,{"data":{}},{"data":{ }},{},{"time":"1"},{"data":"x"},{"data":{"":1}},{"data":{"a":"\ud800"}},[],null,{"data":{"b":2}}]"#,
        r#"[{"a":1},{"b":2}]"#,
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ),
];

#[test]
fn every_sentence_about_batches_holds() {
    for (what, body, expected, rejects) in BATCHES {
        let decoded = batch(body).unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected: Vec<Value> = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(rows(&decoded), expected, "{what}");
        assert_eq!(rejected(&decoded), *rejects, "{what}");
        assert_eq!(decoded.items, expected.len() + rejects.len(), "{what}");
    }
}

#[test]
fn a_body_without_events_is_said_to_be_empty_in_these_words() {
    assert_eq!(EMPTY, "Request body should not be empty.");
    let empty = Err(DecodeError::malformed(EMPTY));
    for body in ["", " \n", "[]", " [ ] ", "\u{feff}[]"] {
        assert_eq!(batch(body).map(|decoded| rows(&decoded)), empty, "{body:?}");
    }
    assert_eq!(packed([0x90]).map(|decoded| rows(&decoded)), empty);
    assert_eq!(packed([]).map(|decoded| rows(&decoded)), empty);
}

#[test]
fn what_is_no_batch_is_malformed() {
    for body in [
        "{}",
        "{\"data\":{\"a\":1}}",
        "[",
        "[{\"data\":{\"a\":1}}",
        "[{\"data\":{\"a\":1}},]",
        "[{\"data\":{\"a\":1}}]x",
        "x",
        "[{\"data\":{\"a\":1} \"b\":2}]",
        "[{\"data\":tru}]",
    ] {
        match batch(body) {
            Err(DecodeError::Malformed { message }) => {
                assert!(message.starts_with("Request body is malformed and cannot be read"), "{body}: {message}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn an_event_takes_time_and_rate_from_its_headers() {
    let event = |time: Option<&str>, rate: Option<&str>, format, body: &[u8]| {
        let call = Call::Event { time: time.map(str::to_owned), sample_rate: rate.map(str::to_owned) };
        decode_as(call, format, body)
    };
    let body = br#"{"a":1,"time":5}"#;
    for (time, rate, expected) in [
        (None, None, json!({"a":1,"time":5})),
        (
            Some("1700000000"),
            Some("3"),
            json!({"timestamp":1_700_000_000_000_000_000_i64,"sample_rate":3,"a":1,"time":5}),
        ),
        (
            Some("now"),
            Some("many"),
            json!({"meta.invalid_timestamp":"now","meta.invalid_sample_rate":"many","a":1,"time":5}),
        ),
    ] {
        assert_eq!(rows(&event(time, rate, Format::Json, body).unwrap())[0], expected);
        let packed = pack(&map(&[("a", 1.into()), ("time", 5.into())]));
        assert_eq!(rows(&event(time, rate, Format::MessagePack, &packed).unwrap())[0], expected);
    }
    assert_eq!(rejected(&event(None, None, Format::Json, b"{ }").unwrap()), [0]);
    assert_eq!(rejected(&event(None, None, Format::MessagePack, &[0x80]).unwrap()), [0]);
    assert!(matches!(event(None, None, Format::Json, b"[{\"a\":1}]"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(event(None, None, Format::Json, b"{\"a\":1}{\"a\":1}"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(
        event(None, None, Format::MessagePack, &[0x81, 0xa1, b'a', 1, 1]),
        Err(DecodeError::Malformed { .. })
    ));
    assert_eq!(rejected(&event(None, None, Format::MessagePack, &[1]).unwrap()), [0]);
}

#[test]
fn every_event_has_its_line_in_the_answer_also_beyond_those_that_are_explained() {
    let body: Vec<&str> = (0..300).map(|at| if at % 3 == 0 { "{\"data\":{\"a\":1}}" } else { "7" }).collect();
    let decoded = batch(format!("[{}]", body.join(","))).unwrap();
    assert_eq!(
        (decoded.items, decoded.accepted, decoded.rejects.total, decoded.rejects.listed.len()),
        (300, 100, 200, 100)
    );
    for (at, error) in decoded.rejects.by_item(decoded.items).enumerate() {
        assert_eq!(error.is_some(), at % 3 != 0, "{at}");
        assert_eq!(
            error.is_some_and(|error| error.contains("not an object")),
            at % 3 != 0 && at < 150,
            "{at}: {error:?}"
        );
    }
}

#[test]
fn events_beyond_the_limit_are_too_large_together() {
    let body = |events: usize| format!("[{}7]", "7,".repeat(events - 1));
    assert_eq!(batch(body(250_000)).unwrap().rejects.total, 250_000);
    assert!(matches!(batch(body(250_001)), Err(DecodeError::TooLarge { .. })));
    let mut many = vec![0xdd];
    many.extend(250_001_u32.to_be_bytes());
    many.resize(250_006, 0);
    assert!(matches!(packed(&many), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn content_types_of_message_pack() {
    for (value, format) in [
        (Some("application/msgpack"), Format::MessagePack),
        (Some("Application/X-MsgPack; charset=binary"), Format::MessagePack),
        (Some("application/json"), Format::Json),
        (Some("text/plain"), Format::Json),
        (Some(""), Format::Json),
        (None, Format::Json),
    ] {
        assert_eq!(Format::from_content_type(value), format, "{value:?}");
    }
}

#[test]
fn message_pack_has_types_that_json_has_not() {
    let moment = |bytes: &[u8]| Packed::Ext(-1, bytes.to_vec());
    let seconds = 1_700_000_000_u32.to_be_bytes();
    let both = ((500_000_000_u64 << 34) | 1_700_000_000).to_be_bytes();
    let long = [&7_u32.to_be_bytes()[..], &1_700_000_000_i64.to_be_bytes()].concat();
    let before = [&0_u32.to_be_bytes()[..], &(-1_i64).to_be_bytes()].concat();
    for (what, event, expected) in [
        (
            "seconds",
            map(&[("time", moment(&seconds)), ("data", map(&[("a", 1.into())]))]),
            json!({"timestamp":1_700_000_000_000_000_000_i64,"a":1}),
        ),
        (
            "nanoseconds",
            map(&[("data", map(&[("a", 1.into())])), ("time", moment(&both))]),
            json!({"timestamp":1_700_000_000_500_000_000_i64,"a":1}),
        ),
        (
            "96 bits",
            map(&[("time", moment(&long)), ("data", map(&[("a", 1.into())]))]),
            json!({"timestamp":1_700_000_000_000_000_007_i64,"a":1}),
        ),
        (
            "before 1970",
            map(&[("time", moment(&before)), ("data", map(&[("a", 1.into())]))]),
            json!({"meta.invalid_timestamp":"-1","a":1}),
        ),
        (
            "a nil time",
            map(&[("time", Packed::Nil), ("samplerate", 9.into()), ("data", map(&[("a", 1.into())]))]),
            json!({"sample_rate":9,"a":1}),
        ),
        (
            "a time and a rate of other types",
            map(&[("time", map(&[])), ("samplerate", Packed::Boolean(true)), ("data", map(&[("a", 1.into())]))]),
            json!({"meta.invalid_timestamp":"a value that is no text and no number","meta.invalid_sample_rate":"a value that is no text and no number","a":1}),
        ),
        (
            "values",
            map(&[(
                "data",
                Packed::Map(vec![
                    ("large".into(), u64::MAX.into()),
                    ("small".into(), i64::MIN.into()),
                    ("single".into(), Packed::F32(0.5)),
                    ("nan".into(), f64::NAN.into()),
                    ("zero".into(), Packed::F64(-0.0)),
                    ("text".into(), Packed::Binary(b"abc".to_vec())),
                    ("bytes".into(), Packed::Binary(vec![0xff, 0])),
                    ("when".into(), moment(&both)),
                    ("first".into(), moment(&0_u32.to_be_bytes())),
                    ("other".into(), Packed::Ext(5, vec![1, 2])),
                    (
                        "list".into(),
                        Packed::Array(vec![
                            1.into(),
                            Packed::Nil,
                            "q\"\\\n\u{1}é".into(),
                            f64::INFINITY.into(),
                            Packed::Binary(vec![0xff]),
                            map(&[("k", Packed::Boolean(true))]),
                        ]),
                    ),
                    ("empty".into(), map(&[])),
                    (7.into(), "seven".into()),
                    ("in".into(), map(&[("ner", Packed::Boolean(false))])),
                ]),
            )]),
            json!({"large":"18446744073709551615","small":i64::MIN,"single":0.5,"nan":"NaN","zero":0.0,"text":"abc","bytes":"/wA=",
                   "when":"2023-11-14T22:13:20.500000000Z","first":"1970-01-01T00:00:00Z","other":"AQI=",
                   "list":"[1,null,\"q\\\"\\\\\\n\\u0001é\",\"Infinity\",\"/w==\",{\"k\":true}]","empty":"{}","7":"seven","in.ner":false}),
        ),
    ] {
        let body = pack(&Packed::Array(vec![event]));
        assert_eq!(rows(&packed(body).unwrap()), [expected], "{what}");
    }
}

#[test]
fn bad_events_of_message_pack_are_rejected_one_by_one() {
    let good = map(&[("data", map(&[("a", 1.into())]))]);
    let nested = (0..127).fold(Packed::Array(Vec::new()), |inner, _| Packed::Array(vec![inner]));
    let wide = Packed::Map((0..2_001).map(|at| (format!("f{at}").into(), at.into())).collect());
    let mut body = vec![0x98];
    for event in [
        good.clone(),
        7.into(),
        map(&[]),
        map(&[("data", map(&[]))]),
        map(&[("data", map(&[("deep", nested)]))]),
        map(&[("data", wide)]),
        map(&[("data", Packed::Map(vec![(Packed::Boolean(true), 1.into())]))]),
    ] {
        body.extend(pack(&event));
    }
    // {"data": {"a": <not UTF-8>}}
    body.extend([0x81, 0xa4, b'd', b'a', b't', b'a', 0x81, 0xa1, b'a', 0xa1, 0xff]);
    let decoded = packed(&body).unwrap();
    assert_eq!((rows(&decoded), rejected(&decoded)), (vec![json!({"a":1})], vec![1, 2, 3, 4, 5, 6, 7]));
    let errors: Vec<&str> = decoded.rejects.listed.iter().map(|reject| reject.error.as_str()).collect();
    for (error, part) in errors.iter().zip([
        "not an object",
        "no fields",
        "no fields",
        "nested over 128",
        "2000 fields",
        "no text",
        "not UTF-8",
    ]) {
        assert!(error.contains(part), "{error} does not say {part}");
    }
}

#[test]
fn every_prefix_and_every_spoiled_byte_is_answered() {
    let event = map(&[
        ("time", "2023-11-14T22:13:20Z".into()),
        ("samplerate", 2.into()),
        ("data", map(&[("a", Packed::Array(vec![1.5.into(), "x".into()])), ("b", map(&[("c", u64::MAX.into())]))])),
    ]);
    let body = pack(&Packed::Array(vec![event.clone(), event]));
    for end in 0..body.len() {
        assert!(matches!(packed(&body[..end]), Err(DecodeError::Malformed { .. })), "{end}");
        for byte in 0..=255 {
            let mut spoiled = body.clone();
            spoiled[end] = byte;
            if let Ok(decoded) = packed(&spoiled) {
                assert_eq!(rows(&decoded).len(), decoded.accepted);
            }
        }
    }
    assert_eq!(packed(&body).unwrap().accepted, 2);
}

#[test]
fn endless_and_nested_heads_end() {
    for head in [[0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0xff, 0xff, 0xff, 0xff], [0xdb, 0xff, 0xff, 0xff, 0xff]] {
        // {"data": {"a": <a value that claims four thousand million parts>}}
        let mut body = vec![0x91, 0x81, 0xa4, b'd', b'a', b't', b'a', 0x81, 0xa1, b'a'];
        body.extend(head);
        assert!(matches!(packed(&body), Err(DecodeError::Malformed { .. })));
    }
    let mut deep = vec![0x91, 0x81, 0xa4, b'd', b'a', b't', b'a', 0x81, 0xa1, b'a'];
    deep.extend(vec![0x91; 1_000_000]);
    deep.push(0);
    assert_eq!(rejected(&packed(&deep).unwrap()), [0]);
    let json = format!("[{{\"data\":{{\"a\":{}1{}}}}}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(rejected(&batch(json).unwrap()), [0]);
}

/// Values that JSON and MessagePack both have.
fn value() -> impl Strategy<Value = (Value, Packed)> {
    let leaf = prop_oneof![
        Just((Value::Null, Packed::Nil)),
        any::<bool>().prop_map(|value| (json!(value), value.into())),
        any::<i64>().prop_map(|value| (json!(value), value.into())),
        (-300_i64..70_000).prop_map(|value| (json!(value), value.into())),
        // Not all floats: JSON writers do not agree on how exponents are written.
        any::<i32>().prop_map(|value| (json!(f64::from(value) / 8.0), (f64::from(value) / 8.0).into())),
        "\\PC{0,40}".prop_map(|value| (json!(value), value.as_str().into())),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(|values| {
                let (json, packed): (Vec<_>, Vec<_>) = values.into_iter().unzip();
                (Value::Array(json), Packed::Array(packed))
            }),
            members(inner).prop_map(both),
        ]
    })
}

fn members(
    value: impl Strategy<Value = (Value, Packed)>,
) -> impl Strategy<Value = std::collections::BTreeMap<String, (Value, Packed)>> {
    prop::collection::btree_map("[a-f.]{1,3}", value, 0..20)
}

fn both(members: std::collections::BTreeMap<String, (Value, Packed)>) -> (Value, Packed) {
    let json = members.iter().map(|(key, (json, _))| (key.clone(), json.clone())).collect();
    let packed = members.into_iter().map(|(key, (_, packed))| (key.into(), packed)).collect();
    (Value::Object(json), Packed::Map(packed))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn message_pack_means_what_the_same_json_means(events in prop::collection::vec(members(value()).prop_map(both), 1..5)) {
        let (json, in_message_pack): (Vec<Value>, Vec<Packed>) =
            events.into_iter().map(|(json, packed)| (json!({ "data": json }), map(&[("data", packed)]))).unzip();
        let json = batch(Value::Array(json).to_string()).unwrap();
        let packed = packed(pack(&Packed::Array(in_message_pack))).unwrap();
        prop_assert_eq!(rows(&packed), rows(&json));
        prop_assert_eq!(rejected(&packed), rejected(&json));
        prop_assert_eq!(packed.repeated_keys, json.repeated_keys);
    }

    #[test]
    fn arbitrary_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..64), call in prop_oneof![Just(Call::Batch), Just(Call::Event { time: None, sample_rate: None })]) {
        for format in [Format::Json, Format::MessagePack] {
            if let Ok(decoded) = decode_as(call.clone(), format, &body) {
                prop_assert_eq!(rows(&decoded).len(), decoded.accepted);
            }
        }
    }
}
