//! The shape of answers: what stands in the contract's examples stands in every answer.

use serde_json::json;

use crate::harness::Server;
use crate::harness::json::difference;

#[test]
fn an_answer_has_the_parts_of_the_contract() {
    let server = Server::start();
    server.load("web", "{\"timestamp\":\"2026-11-01T00:00:00Z\",\"route\":\"/cart\",\"ms\":31.5}\n{\"timestamp\":\"2026-11-01T00:02:00Z\",\"route\":\"/\",\"ms\":2}");
    let spec = json!({
        "calculations": [{ "op": "COUNT" }, { "op": "P99", "column": "ms" }, { "op": "HEATMAP", "column": "ms" }],
        "filters": [{ "column": "ms", "op": ">=", "value": 1 }], "filter_combination": "AND",
        "breakdowns": ["route"], "orders": [{ "op": "COUNT", "order": "descending" }], "havings": [],
        "limit": 1, "start_time": "2026-11-01T00:00:00Z", "end_time": "2026-11-01T00:03:00Z", "granularity": 60
    });
    let answer = server.query("web", &spec);
    let two_percent = |v: f64| json!({ "near": v, "within": 0.01 });
    let expected = json!({
        "columns": [{ "name": "route", "type": "string" }, { "name": "COUNT", "type": "integer" }, { "name": "P99(ms)", "type": "float" }],
        "rows": [["/", 1, two_percent(2.0)]],
        "series": { "start": "2026-11-01T00:00:00Z", "step_seconds": 60, "buckets": 3, "truncated": false,
                    "groups": [{ "key": ["/"], "values": { "COUNT": [0, 0, 1], "P99(ms)": [null, null, two_percent(2.0)] } }] },
        "heatmaps": [{ "name": "HEATMAP(ms)", "column": "ms", "scale": "$any", "bounds": "$any", "counts": { "length": 3 } }],
        "total": { "COUNT": 2, "P99(ms)": two_percent(31.5) },
        "other": { "COUNT": 1, "P99(ms)": two_percent(31.5) },
        "stats": { "elapsed_ms": "$any", "rows_total": 2, "rows_scanned": "$any", "bytes_scanned": "$any",
                   "segments": { "total": 0, "skipped_by_time": 0, "skipped_by_index": 0, "scanned": 0 },
                   "approximate": ["P99(ms)"], "partial": false }
    });
    assert_eq!(difference(&expected, Some(&answer)), None);
}

#[test]
fn a_heatmap_counts_every_number_once() {
    let server = Server::start();
    let values = [0.0, -3.0, 1e-9, 0.25, 1.0, 7.5, 1e6, 1e300, -1e300, 5e-324, 42.0, 42.0];
    let lines: Vec<String> =
        values.iter().map(|v| json!({ "timestamp": 1_793_491_200, "v": v, "sample_rate": 2 }).to_string()).collect();
    server.load("h", lines.join("\n"));
    for (usage_mode, weight) in [(false, 2), (true, 1)] {
        let spec = json!({ "calculations": [{ "op": "HEATMAP", "column": "v" }], "start_time": 1_793_491_200, "time_range": 60,
                           "granularity": 60, "usage_mode": usage_mode });
        let answer = server.query("h", &spec);
        let heatmap = &answer["heatmaps"][0];
        let bounds: Vec<f64> = heatmap["bounds"].as_array().unwrap().iter().map(|b| b.as_f64().unwrap()).collect();
        let counts: Vec<u64> = heatmap["counts"][0].as_array().unwrap().iter().map(|c| c.as_u64().unwrap()).collect();
        assert!(bounds.len() <= 65 && bounds.len() == counts.len() + 1, "{heatmap}");
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "edges out of order: {bounds:?}");
        let last = counts.len() - 1;
        for (at, count) in counts.iter().enumerate() {
            let inside = |v: f64| bounds[at] <= v && (v < bounds[at + 1] || at == last && v <= bounds[at + 1]);
            let expected = values.iter().filter(|v| inside(**v)).count() as u64 * weight;
            assert_eq!(*count, expected, "bin {at} from {} to {}", bounds[at], bounds[at + 1]);
        }
        assert_eq!(counts.iter().sum::<u64>(), values.len() as u64 * weight);
    }
}

#[test]
fn a_series_is_cut_at_500_000_numbers() {
    let server = Server::start();
    let lines: Vec<String> = (0..600).map(|at| json!({ "timestamp": 1_793_491_200, "k": at }).to_string()).collect();
    server.load("wide", lines.join("\n"));
    let spec = json!({ "breakdowns": ["k"], "limit": 600, "start_time": 1_793_491_200, "time_range": 1_000, "granularity": 1 });
    let answer = server.query("wide", &spec);
    let groups = answer["series"]["groups"].as_array().unwrap().len();
    assert_eq!(answer["rows"].as_array().unwrap().len(), 600);
    assert_eq!((groups, &answer["series"]["truncated"]), (500, &json!(true)));
}

#[test]
fn an_answer_is_compressed_for_those_who_ask() {
    let server = Server::start();
    server.load("zip", "{\"a\":1}");
    let request = crate::harness::Request::get("/api/v1/openapi.json").header("Accept-Encoding", "gzip");
    let reply = server.send(&request);
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&reply.body[..]), &mut text).unwrap();
    assert!(text.contains("openapi"));
}
