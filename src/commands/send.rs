//! `outcrop send`: files of events to a running Outcrop, in batches, over several connections. Each batch has an id, so
//! that one whose answer was lost is sent again and still stored once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;

use super::CommandError;
use super::remote::Remote;
use crate::client::{Accepted, Client, ClientError};

/// Rejected events that are printed; all are counted.
const REJECTS_PRINTED_MAX: usize = 20;
/// Attempts for a batch that the server cannot take now, or whose answer was lost.
const ATTEMPTS_MAX: u32 = 10;
/// Attempts while the server has never answered: a wrong address is not worth more.
const FIRST_ATTEMPTS_MAX: u32 = 3;
/// Seconds after the first attempt in which a batch is sent again: less than the server remembers its id for.
const AGAIN_SECONDS_MAX: u64 = 600;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// What a server may ask for at most.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// Bytes of a batch, below what the server takes.
const BATCH_BYTES_MAX: usize = 32 << 20;

#[derive(Args, Debug)]
pub(crate) struct SendArguments {
    /// NDJSON or JSON files, plain, .gz or .zst; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The dataset to send to
    #[arg(long, value_name = "NAME")]
    dataset: String,
    #[command(flatten)]
    remote: Remote,
    /// Events of one request
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    batch: usize,
    /// Requests at once
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    connections: usize,
}

/// Some events as NDJSON, and where the first of them stands.
struct Batch {
    id: String,
    file: String,
    first: u64,
    body: Vec<u8>,
}

/// Ids that no other sender uses.
struct Ids {
    run: String,
    used: u64,
}

impl Ids {
    fn new() -> io::Result<Ids> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        Ok(Ids { run: random.iter().map(|byte| format!("{byte:02x}")).collect(), used: 0 })
    }

    fn next(&mut self) -> String {
        self.used += 1;
        format!("{}-{}", self.run, self.used)
    }
}

#[derive(Default)]
struct Totals {
    /// Whether the server has ever answered.
    reached: bool,
    accepted: u64,
    rejected: u64,
    printed: usize,
    failed: Option<String>,
}

pub(crate) fn send(arguments: &SendArguments) -> Result<ExitCode, CommandError> {
    let began = Instant::now();
    let bar = progress(&arguments.files)?;
    let ids = Ids::new().map_err(|e| format!("cannot make ids of batches: {e}"))?;
    let totals = Arc::new(Mutex::new(Totals::default()));
    let connections = arguments.connections.max(1);
    let (queue, batches) = sync_channel(connections);
    let batches = Arc::new(Mutex::new(batches));
    let read = thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| deliver(arguments, &batches, &totals, &bar));
        }
        // The queue closes when reading ends, and the senders end with it.
        read_files(arguments, ids, queue, &totals, &bar)
    });
    bar.finish_and_clear();
    let totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} events accepted, {} rejected, in {seconds:.1} s ({:.0} events/s)",
        totals.accepted,
        totals.rejected,
        totals.accepted as f64 / seconds.max(1e-9)
    );
    if let Some(failed) = &totals.failed {
        return Err(failed.clone().into());
    }
    read?;
    Ok(if totals.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress(files: &[PathBuf]) -> Result<ProgressBar, CommandError> {
    let bytes: u64 = files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    if !io::stderr().is_terminal() || bytes == 0 {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")?;
    Ok(ProgressBar::new(bytes).with_style(style))
}

fn read_files(
    arguments: &SendArguments,
    mut ids: Ids,
    queue: SyncSender<Batch>,
    totals: &Mutex<Totals>,
    bar: &ProgressBar,
) -> Result<(), CommandError> {
    for path in &arguments.files {
        if totals.lock().unwrap_or_else(PoisonError::into_inner).failed.is_some() {
            return Ok(());
        }
        let file = path.display().to_string();
        let source = open(path, bar).map_err(|e| format!("cannot read {file}: {e}"))?;
        let read = read_file(source, &file, arguments.batch.max(1), &mut ids, &queue);
        read.map_err(|e| format!("cannot read {file}: {e}"))?;
    }
    Ok(())
}

fn open(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(1 << 20, io::stdin().lock())));
    }
    let file = bar.wrap_read(File::open(path)?);
    let reader: Box<dyn Read> = match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    };
    Ok(Box::new(BufReader::with_capacity(1 << 20, reader)))
}

/// Cuts a file into batches: by line if its first line is a whole event, else by JSON value.
fn read_file(
    mut source: Box<dyn BufRead>,
    file: &str,
    events: usize,
    ids: &mut Ids,
    queue: &SyncSender<Batch>,
) -> io::Result<()> {
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() {
        first.clear();
        if source.read_until(b'\n', &mut first)? == 0 {
            return Ok(());
        }
    }
    let mut batcher = Batcher { file, events, ids, queue, batch: Vec::new(), count: 0, sent: 0 };
    let is_array = first.trim_ascii_start().first() == Some(&b'[');
    if is_array || serde_json::from_slice::<&RawValue>(&first).is_err() && !first.trim_ascii().ends_with(b"}") {
        return read_values(io::Cursor::new(first).chain(source), is_array, &mut batcher);
    }
    let mut line = first;
    loop {
        if !line.trim_ascii().is_empty() && !batcher.add(&line) {
            return Ok(());
        }
        line.clear();
        if source.read_until(b'\n', &mut line)? == 0 {
            break;
        }
    }
    batcher.finish();
    Ok(())
}

fn read_values(mut source: impl Read, is_array: bool, batcher: &mut Batcher<'_>) -> io::Result<()> {
    let values: Vec<Box<RawValue>> = if is_array {
        let mut text = String::new();
        source.read_to_string(&mut text)?;
        serde_json::from_str(&text)?
    } else {
        serde_json::Deserializer::from_reader(source).into_iter().collect::<Result<_, _>>()?
    };
    for value in values {
        // A value of several lines becomes one: line breaks inside JSON text are always white space.
        let line: Vec<u8> = value.get().bytes().map(|b| if b == b'\n' || b == b'\r' { b' ' } else { b }).collect();
        if !batcher.add(&line) {
            return Ok(());
        }
    }
    batcher.finish();
    Ok(())
}

struct Batcher<'a> {
    file: &'a str,
    events: usize,
    ids: &'a mut Ids,
    queue: &'a SyncSender<Batch>,
    batch: Vec<u8>,
    count: usize,
    sent: u64,
}

impl Batcher<'_> {
    /// False when nobody takes batches any more.
    fn add(&mut self, line: &[u8]) -> bool {
        let room = self.batch.len() + line.len() < BATCH_BYTES_MAX;
        if (self.count == self.events || !room) && self.count > 0 && !self.pass_on() {
            return false;
        }
        self.batch.extend_from_slice(line.trim_ascii_end());
        self.batch.push(b'\n');
        self.count += 1;
        true
    }

    fn pass_on(&mut self) -> bool {
        let capacity = self.batch.capacity();
        let body = std::mem::replace(&mut self.batch, Vec::with_capacity(capacity));
        let batch = Batch { id: self.ids.next(), file: self.file.to_owned(), first: self.sent, body };
        self.sent += self.count as u64;
        self.count = 0;
        self.queue.send(batch).is_ok()
    }

    fn finish(&mut self) {
        if self.count > 0 {
            let _nobody = self.pass_on();
        }
    }
}

fn deliver(arguments: &SendArguments, batches: &Mutex<Receiver<Batch>>, totals: &Mutex<Totals>, bar: &ProgressBar) {
    let client = arguments.remote.client();
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        if totals.lock().unwrap_or_else(PoisonError::into_inner).failed.is_some() {
            continue;
        }
        let answer = attempt(&client, &arguments.dataset, &batch, totals);
        note(&mut totals.lock().unwrap_or_else(PoisonError::into_inner), &batch, answer, bar);
    }
}

/// Sends a batch until the server has said what became of it.
fn attempt(client: &Client, dataset: &str, batch: &Batch, totals: &Mutex<Totals>) -> Result<Accepted, ClientError> {
    let began = Instant::now();
    let mut pause = PAUSE_MIN;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let answer = client.send_events(dataset, &batch.body, Some(&batch.id));
        let reached = {
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.reached |= !matches!(answer, Err(ClientError::Unreachable { .. }));
            totals.reached
        };
        let wait = match &answer {
            Err(ClientError::Refused { status: 408 | 429 | 502 | 503 | 504, retry_after, .. }) => {
                retry_after.map_or(pause, Duration::from_secs).min(RETRY_AFTER_MAX)
            }
            Err(ClientError::Unreachable { .. }) if reached || attempt < FIRST_ATTEMPTS_MAX => pause,
            _ => return answer,
        };
        if attempt >= ATTEMPTS_MAX || (began.elapsed() + wait).as_secs() >= AGAIN_SECONDS_MAX {
            return answer;
        }
        thread::sleep(wait);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn note(totals: &mut Totals, batch: &Batch, answer: Result<Accepted, ClientError>, bar: &ProgressBar) {
    match answer {
        Ok(answer) => {
            totals.accepted += answer.accepted;
            totals.rejected += answer.rejected_total;
            for reject in answer.rejected {
                if totals.printed < REJECTS_PRINTED_MAX {
                    totals.printed += 1;
                    bar.suspend(|| eprintln!("{}: event {}: {}", batch.file, batch.first + reject.index, reject.error));
                }
            }
        }
        Err(error) => totals.failed = Some(format!("{}: from event {}: {error}", batch.file, batch.first)),
    }
}
