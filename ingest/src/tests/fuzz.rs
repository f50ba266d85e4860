//! Changed bodies: each ends in an answer, and serde_json agrees with it.
//!
//! The oracle reads one event with serde_json, member by member, and flattens it by the sentences of the format document. It
//! shares nothing with the scanner: not its tokens, not its tree.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{decode_json, rows};
use crate::inflate::inflate;
use crate::mutation::fuzz;
use crate::tests::memory;
use crate::tests::sentences::{BODIES, MALFORMED, VALUES};
use crate::{DecodeError, Encoding};

#[rustfmt::skip]
const TOKENS: [&[u8]; 34] = [
    b"{", b"}", b"[", b"]", b":", b",", b"\"", b"\\", b"\n", b" ", b"null", b"true", b"false", b"-", b"0", b"1e5",
    b"-0.0", b"1e400", b"9223372036854775808", b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\"a\":1,", b"{\"b\":",
    b"\xc3\xa9", b"\xff", b"\t", b"\"a.b\":{\"c\":2},", b"\"a\":[1, {\"x y\" : \" \\\"\"}],", b"\"a\":null,",
    b"\"b\":\"\\ud800\",", b"\"\":0,", b"\"b\":{},", b"\\n",
];

fn corpus() -> Vec<Vec<u8>> {
    let deep = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
    let sentences = VALUES.iter().chain(BODIES).map(|case| case.1.as_bytes().to_vec());
    let malformed = MALFORMED.iter().map(|(_, body)| body.as_bytes().to_vec());
    sentences.chain(malformed).chain([deep.into_bytes()]).collect()
}

#[test]
fn fuzz_bodies() {
    fuzz(&corpus(), &TOKENS, |body| match decode_json(body) {
        Ok(decoded) => assert_eq!(rows(&decoded).len(), decoded.accepted),
        Err(DecodeError::Malformed { .. }) => {}
        Err(other) => panic!("{other}"),
    });
}

/// Members in order, repeated ones too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

struct MembersVisitor;

impl<'a> Visitor<'a> for MembersVisitor {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Members<'a>, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Why the oracle has no opinion, or why the event is to be rejected.
#[derive(Debug, PartialEq, Eq)]
enum No {
    Opinion,
    Event,
}

/// The flattened fields of an object, last one of each name.
fn flatten(raw: &str, prefix: &str, depth: usize, out: &mut BTreeMap<String, Value>) -> Result<(), No> {
    // Half of a surrogate pair is the only thing that is JSON and no text.
    let Members(members) =
        serde_json::Deserializer::from_str(raw).deserialize_map(MembersVisitor).map_err(|_| No::Event)?;
    for (key, value) in members {
        let name = if depth == 1 { key } else { format!("{prefix}.{key}") };
        let value = value.get();
        let filled = value.starts_with('{') && value[1..].trim_start() != "}";
        if filled && depth < 16 {
            flatten(value, &name, depth + 1, out)?;
            continue;
        }
        if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
            return Err(No::Event);
        }
        if reserved(&name) {
            return Err(No::Opinion);
        }
        out.insert(name, leaf(value)?);
    }
    Ok(())
}

/// Names with meanings of their own are the business of other tests.
fn reserved(name: &str) -> bool {
    let consumed = ["timestamp", "@timestamp", "time", "_time", "sample_rate", "samplerate", "SampleRate"];
    consumed.contains(&name) || name.starts_with("meta.")
}

fn leaf(raw: &str) -> Result<Value, No> {
    match raw.as_bytes()[0] {
        b'"' => serde_json::from_str::<String>(raw).map(Value::from).map_err(|_| No::Event),
        b'[' | b'{' => {
            // Every string inside must be text too; a model of depth would be the scanner again.
            serde_json::from_str::<Value>(raw).map_err(|_| No::Opinion)?;
            Ok(json!(without_space(raw)))
        }
        b't' | b'f' | b'n' => serde_json::from_str(raw).map_err(|_| No::Opinion),
        _ if raw.contains(['.', 'e', 'E']) => match raw.parse::<f64>() {
            Ok(0.0) => Ok(json!(0.0)),
            Ok(value) if value.is_finite() => Ok(json!(value)),
            _ => Ok(json!(raw)),
        },
        _ => Ok(raw.parse::<i64>().map_or_else(|_| json!(raw), |value| json!(value))),
    }
}

/// JSON without the white space outside of its strings.
fn without_space(raw: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = inside || !c.is_ascii_whitespace();
        inside ^= *c == '"' && !escaped;
        escaped = inside && *c == '\\' && !escaped;
        kept
    };
    raw.chars().filter(keep).collect()
}

/// One event on one line: whether it is JSON, and what it says, by serde_json and by us.
#[test]
fn fuzz_events_against_serde_json() {
    let lines: Vec<Vec<u8>> =
        corpus().into_iter().filter(|body| body.starts_with(b"{") && !body.contains(&b'\n')).collect();
    assert!(lines.len() > 30);
    // (events compared, events that had to be rejected, lines that are no JSON)
    let (compared, rejected, broken) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<u64>| counter.set(counter.get() + 1);
    fuzz(&lines, &TOKENS, |body| {
        let Ok(text) = std::str::from_utf8(body) else { return };
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        // The words that Python writes are no JSON, and we take them.
        if !text.starts_with('{') || text.contains('\n') || text.contains("NaN") || text.contains("Infinity") {
            return;
        }
        let decoded = decode_json(text);
        assert_eq!(decoded.is_ok(), serde_json::from_str::<IgnoredAny>(text).is_ok(), "JSON or not");
        let Ok(decoded) = decoded else { return count(&broken) };
        let mut fields = BTreeMap::new();
        match flatten(text, "", 1, &mut fields) {
            Err(No::Opinion) => {}
            Err(No::Event) => {
                count(&rejected);
                assert_eq!((decoded.accepted, decoded.rejects.total), (0, 1), "{text:?}");
            }
            Ok(()) => {
                count(&compared);
                fields.retain(|_, value| !value.is_null());
                assert_eq!(rows(&decoded), [json!(fields)], "{:?}", decoded.rejects);
            }
        }
    });
    let counts = [compared, rejected, broken].map(Cell::into_inner);
    println!("{counts:?} compared, rejected, broken");
    assert!(counts[0] >= 10, "the oracle had too little to say: {counts:?}");
}

const INFLATED_MAX: usize = 100_000;

/// Whole and broken members of gzip and zstd: what comes out is what the libraries make of it, and never too much.
#[test]
fn fuzz_compressed_bodies() {
    let texts = [&b""[..], b"{\"a\":1}\n", &b"{\"a\":1}\n".repeat(1_000), &vec![0; 99_000], &vec![b' '; 300_000]];
    let gzip = |text: &[u8]| {
        let mut out = Vec::new();
        flate2::read::GzEncoder::new(text, flate2::Compression::fast()).read_to_end(&mut out).unwrap();
        out
    };
    let zstd = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let gzips: Vec<Vec<u8>> = texts.iter().map(|text| gzip(text)).collect();
    let zstds: Vec<Vec<u8>> = texts.iter().map(|text| zstd(text)).collect();
    let memory = memory();
    let check = |encoding: Encoding, body: &[u8], expected: Option<Vec<u8>>| match inflate(
        encoding,
        body,
        INFLATED_MAX,
        &memory,
    ) {
        Ok(inflated) => {
            assert!(inflated.len() <= INFLATED_MAX);
            assert_eq!(Some(inflated.into_owned()), expected);
        }
        Err(DecodeError::TooLarge { .. }) => assert!(expected.is_none_or(|text| text.len() > INFLATED_MAX)),
        // How much of a broken body a library reads before it says so is its own business.
        Err(DecodeError::Malformed { .. }) => {}
        Err(other) => panic!("{other}"),
    };
    fuzz(&gzips, &[&[0x1f, 0x8b, 8]], |body| {
        let mut out = Vec::new();
        let read = flate2::bufread::MultiGzDecoder::new(body).take(2 * INFLATED_MAX as u64).read_to_end(&mut out);
        check(Encoding::Gzip, body, read.ok().map(|_| out));
    });
    fuzz(&zstds, &[&[0x28, 0xb5, 0x2f, 0xfd]], |body| {
        let mut out = Vec::new();
        let decoder = zstd::Decoder::with_buffer(body).map(|mut decoder| {
            decoder.window_log_max(23).unwrap();
            decoder
        });
        let read = decoder.and_then(|d| d.take(2 * INFLATED_MAX as u64).read_to_end(&mut out));
        check(Encoding::Zstd, body, read.ok().map(|_| out));
    });
}
