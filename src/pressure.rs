//! Watches what runs short, and says so in the log: once when it begins and once when it ends. Keeps questions from
//! spilling into space that the store needs.
//!
//! It must not know how requests are refused.

use std::time::Duration;

use outcrop_storage::SpaceHealth;

use crate::http::App;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Percent of the device in use from which an operator should know.
const DISK_WARN_PERCENT: u64 = 80;
/// Percent below which it is over: not at the first byte that was freed.
const DISK_CALM_PERCENT: u64 = 78;
/// Questions may spill into this part of the space that ingest has left.
const SPILL_PART: u64 = 2;

/// Looks until the server ends.
pub(crate) async fn watch(app: App) {
    let mut known = Condition::default();
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let space = app.store.health().space;
        app.engine.limit_spill(space.headroom_bytes / SPILL_PART);
        let now = known.next(&space);
        tell(known, now, &space);
        known = now;
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Condition {
    filling: bool,
    full: bool,
}

impl Condition {
    fn next(self, space: &SpaceHealth) -> Condition {
        let from = if self.filling { DISK_CALM_PERCENT } else { DISK_WARN_PERCENT };
        Condition { filling: space.used_percent() >= from, full: space.full }
    }
}

fn tell(before: Condition, now: Condition, space: &SpaceHealth) {
    let (percent, available_bytes) = (space.used_percent(), space.available_bytes);
    if now.filling && !before.filling {
        tracing::warn!(percent, available_bytes, "the disk fills up; ingest stops when no space is left");
    }
    if !now.filling && before.filling {
        tracing::info!(percent, available_bytes, "there is space on the disk again");
    }
    if now.full && !before.full {
        tracing::error!(
            percent,
            available_bytes,
            "the disk is full: ingest is refused until there is space; queries go on"
        );
    }
    if !now.full && before.full {
        tracing::info!(percent, available_bytes, "ingest goes on");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_begins_and_ends_at_different_marks() {
        let space = |used: u64| SpaceHealth { total_bytes: 100, available_bytes: 100 - used, ..SpaceHealth::default() };
        let mut condition = Condition::default();
        for (used, filling) in [(79, false), (80, true), (79, true), (78, true), (77, false), (79, false)] {
            condition = condition.next(&space(used));
            assert_eq!(condition.filling, filling, "{used} %");
        }
        assert!(!condition.next(&SpaceHealth::default()).filling, "a system that does not say");
    }
}
