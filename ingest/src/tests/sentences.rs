//! Events as data: a sentence of their meaning, a body, and what becomes of it.

/// (sentence, body, rows as a JSON array, indexes of the rejected)
pub(super) type Case = (&'static str, &'static str, &'static str, &'static [usize]);

/// Events that have no time and no sample rate.
pub(super) const VALUES: &[Case] = &[
    (
        "types",
        r#"{"b":true,"n":false,"i":-5,"f":2.5,"s":"x"}"#,
        r#"[{"b":true,"n":false,"i":-5,"f":2.5,"s":"x"}]"#,
        &[],
    ),
    ("1.0 is a float", r#"{"a":1.0}"#, r#"[{"a":1.0}]"#, &[]),
    (
        "1e3 is a float",
        r#"{"a":1e3,"b":1E+3,"c":1e-3}"#,
        r#"[{"a":1000.0,"b":1000.0,"c":0.001}]"#,
        &[],
    ),
    ("null is absent", r#"{"a":null,"b":1}"#, r#"[{"b":1}]"#, &[]),
    (
        "all absent is an event",
        "{\"a\":null}\n{}\n",
        "[{},{}]",
        &[],
    ),
    ("\"\" is a value", r#"{"a":""}"#, r#"[{"a":""}]"#, &[]),
    (
        "objects flatten with .",
        r#"{"a":{"b":1,"c":{"d":"x"}},"e":2}"#,
        r#"[{"a.b":1,"a.c.d":"x","e":2}]"#,
        &[],
    ),
    (
        "an empty part of a name",
        r#"{"":{"a":1},"b":{"":2}}"#,
        r#"[{".a":1,"b.":2}]"#,
        &[],
    ),
    (
        "arrays become JSON text",
        r#"{"a":[1, "x y", {"b": [null , 1.50]}]}"#,
        r#"[{"a":"[1,\"x y\",{\"b\":[null,1.50]}]"}]"#,
        &[],
    ),
    (
        "arrays without white space",
        r#"{"a":[1,"x y",[]]}"#,
        r#"[{"a":"[1,\"x y\",[]]"}]"#,
        &[],
    ),
    (
        "arrays keep escapes",
        r#"{"a":[ "\u00e9\"\\" ]}"#,
        r#"[{"a":"[\"\\u00e9\\\"\\\\\"]"}]"#,
        &[],
    ),
    (
        "empty objects become JSON text",
        r#"{"a":{},"b":{ "c" : { } }}"#,
        r#"[{"a":"{}","b.c":"{}"}]"#,
        &[],
    ),
    (
        "the last of two paths wins",
        r#"{"a":{"b":1},"a.b":2}"#,
        r#"[{"a.b":2}]"#,
        &[],
    ),
    (
        "the last of two paths wins, turned",
        r#"{"a.b":2,"a":{"b":1}}"#,
        r#"[{"a.b":1}]"#,
        &[],
    ),
    (
        "the last of a repeated key wins over types",
        r#"{"a":1,"a":"x","a":true}"#,
        r#"[{"a":true}]"#,
        &[],
    ),
    (
        "a repeated object is not replaced",
        r#"{"a":{"b":1},"a":{"c":2}}"#,
        r#"[{"a.b":1,"a.c":2}]"#,
        &[],
    ),
    ("null wins too", r#"{"a":1,"a":null}"#, "[{}]", &[]),
    (
        "a value after null",
        r#"{"a":null,"a":1}"#,
        r#"[{"a":1}]"#,
        &[],
    ),
    (
        "names are case-sensitive",
        r#"{"a":1,"A":2}"#,
        r#"[{"a":1,"A":2}]"#,
        &[],
    ),
    (
        "names have 1 byte or more",
        r#"[{"":1},{"a":1}]"#,
        r#"[{"a":1}]"#,
        &[0],
    ),
    ("an empty name with null", r#"[{"":null}]"#, "[]", &[0]),
    (
        "names have no control characters",
        r#"[{"a\u0000":1},{"a\n":1},{"\u007f":1},{"x":{"\u0085":1}}]"#,
        "[]",
        &[0, 1, 2, 3],
    ),
    (
        "names with escapes",
        r#"{"a\"b":1,"\u00e9":2}"#,
        r#"[{"a\"b":1,"é":2}]"#,
        &[],
    ),
    (
        "the largest integers",
        r#"{"a":9223372036854775807,"b":-9223372036854775808}"#,
        r#"[{"a":9223372036854775807,"b":-9223372036854775808}]"#,
        &[],
    ),
    (
        "integers outside 64 bits",
        r#"{"a":9223372036854775808,"b":-9223372036854775809,"c":123456789012345678901234567890}"#,
        r#"[{"a":"9223372036854775808","b":"-9223372036854775809","c":"123456789012345678901234567890"}]"#,
        &[],
    ),
    (
        "large integers in an array",
        r#"{"a":[18446744073709551616]}"#,
        r#"[{"a":"[18446744073709551616]"}]"#,
        &[],
    ),
    (
        "-0.0 is 0",
        r#"{"a":-0.0,"b":-0,"c":-0e5,"d":-1e-999}"#,
        r#"[{"a":0.0,"b":0,"c":0.0,"d":0.0}]"#,
        &[],
    ),
    (
        "floats beyond 64 bit",
        r#"{"a":1e400,"b":-2.5E999}"#,
        r#"[{"a":"1e400","b":"-2.5E999"}]"#,
        &[],
    ),
    (
        "NaN and infinities are the strings of that name; nothing else is",
        "{\"a\":-Infinity}\n{\"a\":NaN}\n{\"a\":Infinity}\n{\"a\":Nan}\n{\"a\":-NaN}\n{\"a\":NULL}\n{\"a\":[NaN, 1]}\n",
        r#"[{"a":"-Infinity"},{"a":"NaN"},{"a":"Infinity"},{"a":"[NaN,1]"}]"#,
        &[3, 4, 5],
    ),
    (
        "escapes",
        r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é"}"#,
        r#"[{"a":"\"\\/\u0008\u000c\n\r\té😀 é"}]"#,
        &[],
    ),
    (
        "a lone surrogate rejects",
        r#"[{"a":"\ud800"},{"a":"\udc00 "},{"a":"\ud800\u0041"},{"a":"\ud83d\ud83d\ude00"},{"a":1}]"#,
        r#"[{"a":1}]"#,
        &[0, 1, 2, 3],
    ),
    (
        "a lone surrogate in a name or an array",
        r#"[{"\ud800":1},{"a":["\ud800"]},{"a":1}]"#,
        r#"[{"a":1}]"#,
        &[0, 1],
    ),
    (
        "reserved names are kept as sent",
        r#"{"meta.sequence":1,"meta":{"received":2,"dataset":"x"},"meta.truncated":3,"meta.invalid_x":4}"#,
        r#"[{"meta.sent.meta.sequence":1,"meta.sent.meta.received":2,"meta.sent.meta.dataset":"x","meta.sent.meta.truncated":3,"meta.sent.meta.invalid_x":4}]"#,
        &[],
    ),
    (
        "other meta names are ordinary",
        r#"{"meta.x":1,"meta":2}"#,
        r#"[{"meta.x":1,"meta":2}]"#,
        &[],
    ),
    (
        "reserved at top level only",
        r#"{"a":{"timestamp":5,"sample_rate":6,"time":7}}"#,
        r#"[{"a.timestamp":5,"a.sample_rate":6,"a.time":7}]"#,
        &[],
    ),
];

/// Times and sample rates.
pub(super) const CONSUMED: &[Case] = &[
    (
        "timestamp first",
        r#"{"_time":4,"time":3,"@timestamp":2,"timestamp":1}"#,
        r#"[{"timestamp":1000000000,"@timestamp":2,"time":3,"_time":4}]"#,
        &[],
    ),
    (
        "@timestamp second",
        r#"{"_time":4,"time":3,"@timestamp":2}"#,
        r#"[{"timestamp":2000000000,"time":3,"_time":4}]"#,
        &[],
    ),
    (
        "time third",
        r#"{"_time":4.5,"time":3}"#,
        r#"[{"timestamp":3000000000,"_time":4.5}]"#,
        &[],
    ),
    (
        "_time fourth",
        r#"{"_time":4}"#,
        r#"[{"timestamp":4000000000}]"#,
        &[],
    ),
    (
        "null is not present",
        r#"{"timestamp":null,"time":3}"#,
        r#"[{"timestamp":3000000000}]"#,
        &[],
    ),
    (
        "an invalid one is present",
        r#"{"timestamp":"x","time":3}"#,
        r#"[{"meta.invalid_timestamp":"x","time":3}]"#,
        &[],
    ),
    (
        "a repeated one",
        r#"{"time":3,"time":4}"#,
        r#"[{"timestamp":4000000000}]"#,
        &[],
    ),
    (
        "seconds, milliseconds, microseconds, nanoseconds",
        "{\"time\":99999999999}\n{\"time\":100000000000}\n{\"time\":99999999999999}\n{\"time\":100000000000000}\n{\"time\":99999999999999999}\n{\"time\":100000000000000000}\n{\"time\":1700000000}",
        r#"[{"meta.invalid_timestamp":"99999999999"},{"timestamp":100000000000000000},{"meta.invalid_timestamp":"99999999999999"},{"timestamp":100000000000000000},{"meta.invalid_timestamp":"99999999999999999"},{"timestamp":100000000000000000},{"timestamp":1700000000000000000}]"#,
        &[],
    ),
    (
        "decimals",
        "{\"time\":1700000000.123456}\n{\"time\":1700000000.1234567899}\n{\"time\":1700000000123.5}\n{\"time\":1.7e9}\n{\"time\":1700000000123456789.9}",
        r#"[{"timestamp":1700000000123456000},{"timestamp":1700000000123456789},{"timestamp":1700000000123500000},{"timestamp":1700000000000000000},{"timestamp":1700000000123456789}]"#,
        &[],
    ),
    (
        "numbers in strings",
        "{\"time\":\"1700000000\"}\n{\"time\":\"1700000000.5\"}\n{\"time\":\"1.7e9\"}",
        r#"[{"timestamp":1700000000000000000},{"timestamp":1700000000500000000},{"timestamp":1700000000000000000}]"#,
        &[],
    ),
    (
        "RFC 3339",
        "{\"time\":\"2023-11-14T22:13:20Z\"}\n{\"time\":\"2023-11-14 23:13:20.5+01:00\"}\n{\"time\":\"2023-11-14t22:13:20.1234567899z\"}\n{\"time\":\"2023-11-14T22:13:20\"}",
        r#"[{"timestamp":1700000000000000000},{"timestamp":1700000000500000000},{"timestamp":1700000000123456789},{"timestamp":1700000000000000000}]"#,
        &[],
    ),
    (
        "escapes in a time",
        r#"{"time":"2023-11-14T22:13:20\u005a"}"#,
        r#"[{"timestamp":1700000000000000000}]"#,
        &[],
    ),
    (
        "outside 1970 to 2262",
        "{\"time\":-1}\n{\"time\":-0.5}\n{\"time\":\"1969-12-31T23:59:59Z\"}\n{\"time\":\"2262-04-12T00:00:00Z\"}\n{\"time\":1e30}\n{\"time\":99999999999999999999}",
        r#"[{"meta.invalid_timestamp":"-1"},{"meta.invalid_timestamp":"-0.5"},{"meta.invalid_timestamp":"1969-12-31T23:59:59Z"},{"meta.invalid_timestamp":"2262-04-12T00:00:00Z"},{"meta.invalid_timestamp":"1e30"},{"meta.invalid_timestamp":"99999999999999999999"}]"#,
        &[],
    ),
    (
        "past and future are kept",
        "{\"time\":0}\n{\"time\":\"2262-04-11T23:47:16.854775807Z\"}",
        r#"[{"timestamp":0},{"timestamp":9223372036854775807}]"#,
        &[],
    ),
    (
        "unreadable",
        "{\"time\":true}\n{\"time\":[1]}\n{\"time\":\"\"}\n{\"time\":{}}\n{\"time\":{\"a\":1}}",
        r#"[{"meta.invalid_timestamp":"true"},{"meta.invalid_timestamp":"[1]"},{"meta.invalid_timestamp":""},{"meta.invalid_timestamp":"{}"},{"time.a":1}]"#,
        &[],
    ),
    (
        "the spellings of sample rate",
        "{\"sample_rate\":2}\n{\"samplerate\":3}\n{\"SampleRate\":4}\n{\"sampleRate\":5}",
        r#"[{"sample_rate":2},{"sample_rate":3},{"sample_rate":4},{"sampleRate":5}]"#,
        &[],
    ),
    (
        "several spellings",
        r#"{"SampleRate":4,"samplerate":3,"sample_rate":null}"#,
        r#"[{"sample_rate":3}]"#,
        &[],
    ),
    (
        "integers to 2^31-1",
        "{\"sample_rate\":1}\n{\"sample_rate\":2147483647}\n{\"sample_rate\":2147483648}\n{\"sample_rate\":20.0}\n{\"sample_rate\":\"20\"}",
        r#"[{},{"sample_rate":2147483647},{"meta.invalid_sample_rate":"2147483648"},{"sample_rate":20},{"sample_rate":20}]"#,
        &[],
    ),
    (
        "invalid sample rates",
        "{\"sample_rate\":0}\n{\"sample_rate\":-3}\n{\"sample_rate\":\"often\"}\n{\"sample_rate\":0.5}\n{\"sample_rate\":true}\n{\"sample_rate\":[]}\n{\"sample_rate\":\"\"}\n{\"sample_rate\":\"+2\"}\n{\"sample_rate\":\"inf\"}\n{\"sample_rate\":2147483647.5}",
        r#"[{"meta.invalid_sample_rate":"0"},{"meta.invalid_sample_rate":"-3"},{"meta.invalid_sample_rate":"often"},{"meta.invalid_sample_rate":"0.5"},{"meta.invalid_sample_rate":"true"},{"meta.invalid_sample_rate":"[]"},{"meta.invalid_sample_rate":""},{"meta.invalid_sample_rate":"+2"},{"meta.invalid_sample_rate":"inf"},{"meta.invalid_sample_rate":"2147483647.5"}]"#,
        &[],
    ),
];

/// How events lie in a body.
pub(super) const BODIES: &[Case] = &[
    ("an object", r#" {"a":1} "#, r#"[{"a":1}]"#, &[]),
    (
        "an object over lines",
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n",
        r#"[{"a":1,"b.c":2}]"#,
        &[],
    ),
    (
        "an object with an object line inside",
        "{\"a\":[\n{\"b\":1}\n]}",
        r#"[{"a":"[{\"b\":1}]"}]"#,
        &[],
    ),
    (
        "an array",
        r#"[ {"a":1} , {"a":2} ]"#,
        r#"[{"a":1},{"a":2}]"#,
        &[],
    ),
    (
        "an array over lines",
        "[\n{\"a\":1},\n{\"a\":2}\n]\n",
        r#"[{"a":1},{"a":2}]"#,
        &[],
    ),
    ("an empty array", " [ ] ", "[]", &[]),
    (
        "elements that are no objects",
        r#"[1,"x",null,[{"a":1}],{"a":1},true]"#,
        r#"[{"a":1}]"#,
        &[0, 1, 2, 3, 5],
    ),
    (
        "NDJSON",
        "{\"a\":1}\n{\"a\":2}\n",
        r#"[{"a":1},{"a":2}]"#,
        &[],
    ),
    (
        "blank lines, \\r\\n and a byte order mark",
        "\u{feff}\r\n{\"a\":1}\r\n\r\n  \t\n{\"a\":2}\r\n\r\n",
        r#"[{"a":1},{"a":2}]"#,
        &[],
    ),
    (
        "a bad line",
        "{\"a\":1}\n\n{\"a\":\n{\"a\":2}\nx\n[1]\n7\n{\"a\":3}{\"a\":4}\n{\"a\":5}",
        r#"[{"a":1},{"a":2},{"a":5}]"#,
        &[1, 3, 4, 5, 6],
    ),
    (
        "a bad first line",
        "{\"a\":1,\"b\"\n{\"a\":2}\n{\"a\":3}",
        r#"[{"a":2},{"a":3}]"#,
        &[0],
    ),
    (
        "a first line that is no object",
        "7\n{\"a\":2}\n",
        r#"[{"a":2}]"#,
        &[0],
    ),
    ("all rejected", "1\n2\n", "[]", &[0, 1]),
];

/// (what, body): nothing of it is accepted.
pub(super) const MALFORMED: &[(&str, &str)] = &[
    ("empty", ""),
    ("blank", " \r\n\t "),
    ("only a byte order mark", "\u{feff}"),
    ("a number", "7"),
    ("a string", "\"x\""),
    ("no JSON", "hello"),
    ("lines without JSON", "hello\nworld"),
    ("an object cut off", "{\"a\":1"),
    ("an object over lines cut off", "{\n\"a\":1,\n\"b\":{}\n"),
    (
        "an object over lines cut off behind an object line",
        "{\"a\":[\n{\"b\":1},\n{\"b\":2}\n",
    ),
    ("an object and more", "{\"a\":1} x"),
    ("two objects on the only line", "{\"a\":1}{\"a\":2}"),
    ("two objects over lines", "{\n\"a\":1\n}\n{\n\"a\":2\n}"),
    ("an array cut off", "[{\"a\":1},"),
    ("an array cut off in an element", "[{\"a\":1},{\"a\""),
    ("an array and more", "[{\"a\":1}]\n{\"a\":2}"),
    ("an array with a trailing comma", "[{\"a\":1},]"),
    ("an array without commas", "[{\"a\":1} {\"a\":2}]"),
    ("a bad element", "[{\"a\":1},{\"a\":}]"),
    (
        "a bad element behind a broken rule",
        "[{\"a\":\"\\ud800\",\"b\":tru}]",
    ),
    ("a form feed", "\u{c}{\"a\":1}"),
];
