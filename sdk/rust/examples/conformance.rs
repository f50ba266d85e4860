//! Does what a conformance case says with the Rust SDK: a job on standard input, its numbers on standard output. The job's
//! mode is `sync`, `async` or `delivery`.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant, UNIX_EPOCH};

use outcrop::{Declaration, Remote, Settings, continue_trace, declare, traceparent, tracestate};
use serde_json::{Value, json};

type Error = Box<dyn std::error::Error>;

/// What a failing case ends by.
#[derive(Debug)]
struct OutOfStock(String);

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn main() -> Result<(), Error> {
    let job: Value = serde_json::from_reader(std::io::stdin())?;
    let case = &job["case"];
    // Redaction that fails is expected to: its message is no news.
    std::panic::set_hook(Box::new(|_| {}));
    outcrop::init_with(settings(&job))?;
    for said in list(&case["declare"]) {
        declaration(said).intent();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let mut numbers = json!({});
    match job["mode"].as_str() {
        Some("delivery") => numbers = deliver(case),
        Some("sync") => run(&case["do"]).map_err(|e| e.to_string())?,
        _ => {
            let steps = case["do"].clone();
            // A case that waits for ever is one that is cancelled.
            let work = async move { tokio::time::timeout(Duration::from_millis(400), run_async(&steps)).await };
            if let Ok(done) = runtime.block_on(work) {
                done.map_err(|e| e.to_string())?;
            }
        }
    }
    let began = Instant::now();
    let exit = case["settings"]["exit_seconds_max"].as_f64().unwrap_or(5.0);
    outcrop::shutdown(Duration::from_secs_f64(exit));
    numbers["exit_seconds"] = began.elapsed().as_secs_f64().into();
    let stats = outcrop::stats();
    numbers["stats"] = json!({
        "accepted": stats.accepted, "sampled_out": stats.sampled_out, "notes_outside": stats.notes_outside,
        "dropped": stats.dropped, "dropped_by_reason": stats.dropped_by_reason,
    });
    println!("{numbers}");
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn settings(job: &Value) -> Settings {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let said = &job["case"]["settings"];
    let mut settings = Settings::new("conformance");
    settings.url = text(&job["url"]).unwrap_or_default();
    settings.dataset = text(&job["dataset"]).unwrap_or_default();
    settings.version = text(&said["version"]);
    settings.environment = text(&said["environment"]);
    let fields = said["fields"].as_object().into_iter().flatten();
    settings.fields = fields.map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let number = |name: &str, or: usize| said[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(or);
    settings.sample_rate = said["sample_rate"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    settings.queue_events_max = number("queue_events_max", settings.queue_events_max);
    settings.queue_bytes_max = number("queue_bytes_max", settings.queue_bytes_max);
    settings.batch_events_max = number("batch_events_max", settings.batch_events_max);
    settings.flush = Duration::from_secs_f64(said["flush_seconds"].as_f64().unwrap_or(0.2));
    settings.request_max = Duration::from_secs_f64(said["request_seconds_max"].as_f64().unwrap_or(10.0));
    match said["redact"].clone() {
        Value::String(word) if word == "drops" => settings.redact = Some(Box::new(|_| None)),
        Value::String(_) => settings.redact = Some(Box::new(|_| panic!("the hook of the program"))),
        Value::Object(changes) => {
            settings.redact = Some(Box::new(move |mut event| {
                event.extend(changes.clone());
                event.retain(|_, value| !value.is_null());
                Some(event)
            }));
        }
        _ => {}
    }
    settings
}

fn declaration(said: &Value) -> Declaration {
    let mut made = declare(said["text"].as_str().unwrap_or_default());
    if let Some(name) = said["name"].as_str() {
        made = made.name(name);
    }
    if let Some(within) = said["within"].as_str() {
        made = made.within(within);
    }
    if let Some(owner) = said["owner"].as_str() {
        made = made.owner(owner);
    }
    if let Some(rate) = said["sample_rate"].as_u64() {
        made = made.sample_rate(u32::try_from(rate).unwrap_or(u32::MAX));
    }
    let ensures = said["ensures"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    made.expects(list(&said["expects"]).filter_map(Value::as_str)).ensures(ensures)
}

/// The names of the conditions on the result that do not hold, as the case has it.
fn unmet(said: &Value) -> Vec<&'static str> {
    let conditions = said["ensures"].as_object().into_iter().flatten();
    conditions.filter(|(_, holds)| **holds == Value::Bool(false)).map(|(name, _)| &*name.clone().leak()).collect()
}

/// Steps that are the same in both modes. False if it is none of them.
fn common(step: &Value) -> Result<bool, OutOfStock> {
    if step["measured"].is_object() {
        measured(step);
    } else if let Some(fields) = step["note"].as_object() {
        for (name, value) in fields {
            outcrop::note(name.clone(), value.clone());
        }
    } else if let Some(many) = step["note_many"].as_u64() {
        for n in 0..many {
            outcrop::note(format!("n.{n}"), n);
        }
    } else if let Some(name) = step["note_tracestate"].as_str() {
        outcrop::note(name.to_owned(), tracestate());
    } else if let Some(conditions) = step["expect"].as_object() {
        for (name, holds) in conditions {
            let holds = holds == &Value::Bool(true);
            assert_eq!(outcrop::expect!(holds, name), holds);
        }
    } else if let Some(message) = step["fail"].as_str() {
        return Err(OutOfStock(message.to_owned()));
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// A unit that has ended, as the case has it.
fn measured(step: &Value) {
    let began = UNIX_EPOCH + Duration::from_secs_f64(step["began_seconds"].as_f64().unwrap_or_default());
    let took = Duration::from_millis(step["took_ms"].as_u64().unwrap_or_default());
    let mut unit = declaration(&step["measured"]).intent().measured(began, took);
    for (name, value) in step["note"].as_object().into_iter().flatten() {
        unit = unit.note(name.clone(), value.clone());
    }
    for (name, held) in step["expect"].as_object().into_iter().flatten() {
        unit = unit.expect(name, held == &Value::Bool(true));
    }
    if let Some(message) = step["fail"].as_str() {
        unit = unit.failed("OutOfStock", message);
    }
    unit.end();
}

/// A call that comes with a header, and perhaps with another beside it.
fn incoming(header: &str, step: &Value) -> Remote {
    let remote = continue_trace(header);
    match step["tracestate"].as_str() {
        Some(state) => remote.tracestate(state),
        None => remote,
    }
}

/// What goes out of here, as it comes in elsewhere.
fn outgoing() -> Remote {
    continue_trace(&traceparent().unwrap_or_default()).tracestate(&tracestate().unwrap_or_default())
}

fn run(steps: &Value) -> Result<(), OutOfStock> {
    for step in list(steps) {
        if common(step)? {
            continue;
        }
        if step["intent"].is_object() {
            for _ in 0..step["repeat"].as_u64().unwrap_or(1) {
                let said = &step["intent"];
                declaration(said).try_run_ensuring(|| run(&step["do"]), |()| unmet(said))?;
            }
        } else if let Some(milliseconds) = step["take_ms"].as_u64() {
            std::thread::sleep(Duration::from_millis(milliseconds));
        } else if step["catch"].is_array() {
            let _caught = run(&step["catch"]);
        } else if step["continue"] == "out" {
            // Another thread is in no unit, like another process.
            let called_by = outgoing();
            let called = || called_by.run(|| run(&step["do"]));
            std::thread::scope(|scope| scope.spawn(called).join()).map_err(|_| OutOfStock("panicked".to_owned()))??;
        } else if let Some(header) = step["continue"].as_str() {
            incoming(header, step).run(|| run(&step["do"]))?;
        } else {
            panic!("what is {step}?");
        }
    }
    Ok(())
}

fn run_async(steps: &Value) -> Pin<Box<dyn Future<Output = Result<(), OutOfStock>> + Send + '_>> {
    Box::pin(async move {
        for step in list(steps) {
            if !common(step)? {
                step_async(step).await?;
            }
        }
        Ok(())
    })
}

async fn step_async(step: &Value) -> Result<(), OutOfStock> {
    if step["intent"].is_object() {
        for _ in 0..step["repeat"].as_u64().unwrap_or(1) {
            let said = &step["intent"];
            declaration(said).try_run_ensuring_async(run_async(&step["do"]), |()| unmet(said)).await?;
        }
    } else if let Some(milliseconds) = step["take_ms"].as_u64() {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    } else if step["cancel"].is_boolean() {
        std::future::pending::<()>().await;
    } else if step["catch"].is_array() {
        let _caught = run_async(&step["catch"]).await;
    } else if step["parallel"].is_array() {
        let branch = |n: usize| run_async(&step["parallel"][n]);
        let (a, b, c) = tokio::join!(branch(0), branch(1), branch(2));
        a.and(b).and(c)?;
    } else if step["continue"] == "out" {
        let (called_by, steps) = (outgoing(), step["do"].clone());
        let called = tokio::spawn(async move { called_by.run_async(run_async(&steps)).await });
        called.await.map_err(|e| OutOfStock(e.to_string()))??;
    } else if let Some(header) = step["continue"].as_str() {
        incoming(header, step).run_async(run_async(&step["do"])).await?;
    } else {
        panic!("what is {step}?");
    }
    Ok(())
}

fn deliver(case: &Value) -> Value {
    let number = |name: &str| case[name].as_u64().unwrap_or(0);
    let padding = "x".repeat(number("bytes").max(10) as usize);
    let mut times = Vec::new();
    let mut unit = |n: u64| {
        let began = Instant::now();
        declare("Arrive").run(|| outcrop::note!(n = n, padding = padding.as_str()));
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    };
    for n in 0..number("units") {
        unit(n);
        std::thread::sleep(Duration::from_millis(number("pause_ms")));
    }
    let queued = outcrop::stats().queued_bytes;
    if number("after") > 0 {
        outcrop::flush(Duration::from_secs(10));
        (0..number("after")).for_each(|n| unit(number("units") + n));
    }
    times.sort_by(f64::total_cmp);
    json!({"unit_ms_p90": times[times.len() * 9 / 10], "queued_bytes": queued})
}
