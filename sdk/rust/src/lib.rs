#![doc = include_str!("../README.md")]

mod intent;
mod layer;
mod measured;
mod unit;
mod value;
mod work;

mod remote;
mod trace;

mod delivery;
mod event;
mod sender;

mod limits;
mod program;
mod settings;

pub use delivery::{Batch, Delivery};
pub use intent::{Declaration, Intent, declare};
pub use layer::OutcropLayer;
pub use measured::Measured;
pub use outcrop_macros::intent;
pub use program::{InitError, flush, init, init_measured, init_with, layer, shutdown, stats};
pub use remote::{Remote, continue_trace, traceparent, tracestate};
pub use sender::Stats;
pub use settings::{Deliver, Settings};
pub use unit::{expect, note};
pub use value::Value;

/// Adds fields to the event of the nearest unit above: `note!(cart.item_count = 3, user.id = id)`. `%value` and `?value`
/// take the value's `Display` and `Debug`; a name that is no Rust name stands in quotes.
#[macro_export]
macro_rules! note {
    () => {};
    ($first:ident $(. $rest:ident)* = % $value:expr $(, $($more:tt)*)?) => {{
        $crate::note(concat!(stringify!($first) $(, ".", stringify!($rest))*), ($value).to_string());
        $($crate::note!($($more)*);)?
    }};
    ($first:ident $(. $rest:ident)* = ? $value:expr $(, $($more:tt)*)?) => {{
        $crate::note(concat!(stringify!($first) $(, ".", stringify!($rest))*), format!("{:?}", $value));
        $($crate::note!($($more)*);)?
    }};
    ($first:ident $(. $rest:ident)* = $value:expr $(, $($more:tt)*)?) => {{
        $crate::note(concat!(stringify!($first) $(, ".", stringify!($rest))*), $value);
        $($crate::note!($($more)*);)?
    }};
    ($name:literal = $value:expr $(, $($more:tt)*)?) => {{
        $crate::note($name, $value);
        $($crate::note!($($more)*);)?
    }};
}

/// Says what must hold in the nearest unit above: `expect!(charges == 1, "charged once")`. Is whether it does; never panics.
#[macro_export]
macro_rules! expect {
    ($condition:expr, $name:expr $(,)?) => {
        $crate::expect($name, $condition)
    };
}

/// What `#[intent]` writes uses this, and nobody else.
#[doc(hidden)]
pub mod written {
    pub use inventory;
    pub use tracing;

    pub use crate::intent::Declared;
    pub use crate::unit::Judged;
    pub use crate::work::{Probe, ViaDebug, ViaDisplay, ViaNothing, run, run_async};
}

/// What does not compile, with what the compiler says about it.
///
/// ```compile_fail
/// #[outcrop::intent("x", within = "soon")]
/// fn f() {}
/// ```
/// ```compile_fail
/// #[outcrop::intent(within = "2 s")]
/// fn f() {}
/// ```
/// ```compile_fail
/// #[outcrop::intent("x", colour = "red")]
/// fn f() {}
/// ```
/// ```
/// #[outcrop::intent("x", within = "2 s")]
/// fn f() {}
/// ```
#[cfg(doctest)]
struct WhatDoesNotCompile;
