//! How far an export has come, and when it will be complete.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{Entity, Selection, View, select};
use crate::api::ExportState;

/// How many mailboxes are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// All of them.
    pub total: u32,
    /// They wait.
    pub queued: u32,
    /// They are being exported.
    pub running: u32,
    /// They are exported.
    pub succeeded: u32,
    /// They could not be exported.
    pub failed: u32,
    /// They left the directory.
    pub gone: u32,
}

/// How far an export has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The mailboxes by state.
    pub counts: Counts,
    /// In percent, by size where it is known.
    pub percent: u32,
    /// The sizes that are known, in bytes.
    pub mailbox_bytes: u64,
    /// How many of these are exported.
    pub exported_bytes: u64,
    /// When the first job began.
    pub started_at: Option<Timestamp>,
    /// When the last job ended.
    pub ended_at: Option<Timestamp>,
    /// When it will be complete, by the rate so far; whole minutes.
    pub estimated_at: Option<Timestamp>,
}

/// One mailbox.
#[derive(Clone, Copy)]
struct Part {
    bytes: Option<u64>,
    done: u32,
}

impl Progress {
    /// Counts; `None` where the directory is not known.
    #[must_use]
    pub fn of(view: &View) -> Option<Self> {
        let Some(Ok(directory)) = &view.observed.directory else {
            return None;
        };
        let Selection { entities, .. } =
            select(&directory.entities, &view.desired.mailboxes, view.now);
        Some(count(view, &entities))
    }
}

fn count(view: &View, selected: &[Entity]) -> Progress {
    let sizes: BTreeMap<_, _> = selected
        .iter()
        .map(|entity| (entity.id.as_str(), entity.bytes))
        .collect();
    let mut parts: BTreeMap<&str, Part> = sizes
        .iter()
        .map(|(id, bytes)| {
            (
                *id,
                Part {
                    bytes: *bytes,
                    done: 0,
                },
            )
        })
        .collect();
    let mut progress = Progress::default();
    let counts = &mut progress.counts;
    for child in view.counted() {
        let done = match child.state {
            None | Some(ExportState::Queued) => 0,
            Some(ExportState::Running) => {
                counts.running += 1;
                child.progress.min(99)
            }
            Some(ExportState::Completed) => {
                counts.succeeded += 1;
                100
            }
            Some(ExportState::Failed | ExportState::Cancelled) => {
                counts.failed += 1;
                0
            }
            Some(ExportState::Gone) => {
                counts.gone += 1;
                100
            }
        };
        let known = sizes.get(child.entity.as_str()).copied().flatten();
        let bytes = child.bytes.or(known);
        parts.insert(&child.entity, Part { bytes, done });
        progress.started_at = earlier(progress.started_at, child.started_at);
        progress.ended_at = progress.ended_at.max(child.ended_at);
    }
    counts.total = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let begun = counts.running + counts.succeeded + counts.failed + counts.gone;
    counts.queued = counts.total.saturating_sub(begun);
    let parts = weigh(&mut progress, parts.values().copied().collect());
    progress.estimated_at = estimate(&progress, parts, view.now);
    progress
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Adds the sizes up, and returns how much is done of how much. A mailbox of unknown size counts as the
/// average of the others.
fn weigh(progress: &mut Progress, parts: Vec<Part>) -> (u128, u128) {
    let known: Vec<_> = parts.iter().filter_map(|part| part.bytes).collect();
    let sum: u128 = known.iter().copied().map(u128::from).sum();
    let average = sum.checked_div(known.len() as u128).unwrap_or(0).max(1);
    let (mut all, mut done, mut exported) = (0_u128, 0_u128, 0_u128);
    for part in parts {
        let bytes = part.bytes.map_or(average, u128::from).max(1);
        let part_done = bytes * u128::from(part.done) / 100;
        all += bytes;
        done += part_done;
        if part.bytes.is_some() {
            exported += part_done;
        }
    }
    progress.mailbox_bytes = u64::try_from(sum).unwrap_or(u64::MAX);
    progress.exported_bytes = u64::try_from(exported.min(sum)).unwrap_or(u64::MAX);
    let percent = (done * 100).checked_div(all).unwrap_or(0);
    progress.percent = u32::try_from(percent).unwrap_or(100).min(100);
    (done, all)
}

/// When it will be complete: what is left takes as long as what is done took.
fn estimate(progress: &Progress, (done, all): (u128, u128), now: Timestamp) -> Option<Timestamp> {
    let left = all.checked_sub(done).filter(|left| *left > 0)?;
    let took = now.duration_since(progress.started_at?).as_secs();
    let took = u128::try_from(took).unwrap_or(0);
    let needs = took.checked_mul(left)?.checked_div(done)?;
    let needs = i64::try_from(needs).ok()?;
    let at = now.checked_add(SignedDuration::from_secs(needs)).ok()?;
    Timestamp::from_second(at.as_second() / 60 * 60).ok()
}
