//! The program's side: begin to send, wait, end; what happens at exit.

use std::fmt;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;

use crate::layer::OutcropLayer;
use crate::sender::{Sender, Stats};
use crate::settings::Settings;
use crate::unit::lock;

static ACTIVE: Mutex<Option<Arc<Sender>>> = Mutex::new(None);
static AT_EXIT: Once = Once::new();

/// Why nothing is sent.
#[derive(Debug)]
pub enum InitError {
    /// Another subscriber of `tracing` is set; add `outcrop::layer` to it.
    SubscriberIsSet,
    /// The thread that sends could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitError::SubscriberIsSet => f.write_str("another subscriber of tracing is set; add outcrop::layer to it"),
            InitError::Thread(error) => write!(f, "the thread that sends could not be started: {error}"),
        }
    }
}

impl std::error::Error for InitError {}

/// Begins to send what this program does, in the background, as the only subscriber of `tracing`.
pub fn init(service: &str) -> Result<(), InitError> {
    init_with(Settings::new(service))
}

/// Begins with settings of one's own.
pub fn init_with(settings: Settings) -> Result<(), InitError> {
    let Some(layer) = layer(settings)? else { return Ok(()) };
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| {
        shutdown(Duration::ZERO);
        InitError::SubscriberIsSet
    })
}

/// The layer for a subscriber of the program's own; nothing if OUTCROP_DISABLED says so.
pub fn layer(settings: Settings) -> Result<Option<OutcropLayer>, InitError> {
    Ok(begin(settings)?.map(|sender| OutcropLayer { sender }))
}

/// Begins to send what is [measured](crate::Intent::measured), and leaves `tracing` alone: nothing else becomes a unit.
pub fn init_measured(settings: Settings) -> Result<(), InitError> {
    begin(settings).map(drop)
}

fn begin(settings: Settings) -> Result<Option<Arc<Sender>>, InitError> {
    if Settings::is_disabled() {
        return Ok(None);
    }
    let sender = Sender::new(settings);
    sender.start().map_err(InitError::Thread)?;
    *lock(&ACTIVE) = Some(sender.clone());
    AT_EXIT.call_once(register_exit);
    Ok(Some(sender))
}

#[expect(unsafe_code, reason = "a program that ends calls nothing else in Rust")]
fn register_exit() {
    extern "C" fn at_exit() {
        if let Some(sender) = active() {
            sender.close(sender.settings.exit_max);
        }
    }
    // SAFETY: the function has the C ABI, takes nothing, and neither unwinds nor touches thread-local state.
    unsafe {
        libc::atexit(at_exit);
    }
}

pub(crate) fn active() -> Option<Arc<Sender>> {
    lock(&ACTIVE).clone()
}

/// Waits until all units that have ended have arrived, or were dropped. False if it takes longer.
pub fn flush(most: Duration) -> bool {
    active().is_none_or(|sender| sender.flush(most))
}

/// Sends what waits, for so long at most, and stops. Happens by itself when the program returns from `main` or calls
/// `std::process::exit`.
pub fn shutdown(most: Duration) {
    if let Some(sender) = active() {
        sender.close(most);
    }
}

/// Numbers since `init`.
pub fn stats() -> Stats {
    active().map(|sender| sender.stats()).unwrap_or_default()
}
