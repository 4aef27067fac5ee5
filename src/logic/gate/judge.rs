//! Who is missing.

use std::fmt;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{
    Check, Checks, EntityKind, EntityState, Export, Reading, Rule, Sweep,
    count::{Counted, counted},
    sweep::{failing, lasts, sort},
};
use crate::api::ExportState;

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Each mailbox that counts is exported or waived.
    Open(Vec<Row>),
    /// These are missing, by address.
    Blocked {
        /// How many mailboxes count. None: an empty directory proves nothing.
        counted: usize,
        /// Those that are missing.
        missing: Vec<Missing>,
    },
    /// Nothing is known to be missing, and these are still to be checked. They are sorted, and all of
    /// them are here, those that are checked too.
    Unchecked(Vec<Check>),
    /// The users and resources were not read.
    Unknown,
}

/// A mailbox that is exported or waived.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// The id of the user or resource.
    pub id: String,
    /// Its address, else its name in messages.
    pub label: String,
    /// The export that proves it, or why it needs none.
    pub by: Result<Export, String>,
}

/// A mailbox that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Missing {
    /// Its address, else its id.
    pub label: String,
    /// Why.
    pub why: Why,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.label, self.why)
    }
}

/// Why a mailbox is missing. The words stand in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// No export object of this namespace names it.
    NoExport,
    /// Its export has failed, or was cancelled.
    ExportFailed,
    /// Its export began before `notBefore`.
    BeforeNotBefore,
    /// Its export began longer ago than `maxAge`.
    TooOld,
    /// The content of its export is not verified.
    NotVerified,
    /// The object of its export is not there any more.
    ObjectMissing,
    /// The object of its export was replaced.
    ObjectChanged,
    /// More mail came since its export than `maxGrowth`.
    MailSinceExport,
    /// AWS did not tell its size, now or when it was exported.
    SizeUnknown,
    /// The object of its export, or its size, could not be read.
    Unread,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::NoExport,
        Self::ExportFailed,
        Self::BeforeNotBefore,
        Self::TooOld,
        Self::NotVerified,
        Self::ObjectMissing,
        Self::ObjectChanged,
        Self::MailSinceExport,
        Self::SizeUnknown,
        Self::Unread,
    ];
}

/// Returns whether the organization may be deleted. `sweep` is what status remembers, `found` what was
/// found since.
#[must_use]
pub fn judge(rule: &Rule, reading: &Reading, sweep: Option<&Sweep>, found: &Checks) -> Verdict {
    let Some(mailboxes) = &reading.mailboxes else {
        return Verdict::Unknown;
    };
    let all = counted(mailboxes, reading);
    let (mut rows, mut missing, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for one in &all {
        match proven(one, rule, reading.at) {
            Ok((row, check)) => {
                rows.push(row);
                checks.extend(check);
            }
            Err(why) => missing.push(Missing {
                label: one.label().to_owned(),
                why,
            }),
        }
    }
    if all.is_empty() || !missing.is_empty() {
        return Verdict::Blocked {
            counted: all.len(),
            missing,
        };
    }
    sort(&mut checks);
    swept(rule, reading.at, (rows, checks), sweep, found)
}

/// What the sweep makes of exports that are there and count.
fn swept(
    rule: &Rule,
    at: Timestamp,
    (rows, checks): (Vec<Row>, Vec<Check>),
    sweep: Option<&Sweep>,
    found: &Checks,
) -> Verdict {
    let covered = sweep.map_or(0, |sweep| sweep.covers(&checks, rule, at));
    let (mut missing, mut is_whole) = (Vec::new(), true);
    for check in checks.iter().skip(covered) {
        match found.get(&check.id).filter(|checked| lasts(checked.at, at)) {
            None => is_whole = false,
            Some(checked) => missing.extend(failing(check, checked, rule).map(|why| Missing {
                label: check.label.clone(),
                why,
            })),
        }
    }
    if !is_whole {
        return Verdict::Unchecked(checks);
    }
    if missing.is_empty() {
        return Verdict::Open(rows);
    }
    missing.sort_by_cached_key(|one| one.label.to_lowercase());
    Verdict::Blocked {
        counted: rows.len(),
        missing,
    }
}

/// What proves that a mailbox is exported, with what the sweep has to ask; or why it is missing.
fn proven(one: &Counted<'_>, rule: &Rule, at: Timestamp) -> Result<(Row, Option<Check>), Why> {
    let row = |by| Row {
        id: one.id.to_owned(),
        label: one.label().to_owned(),
        by,
    };
    let of_exports = one.exports.iter().flat_map(|export| {
        let words = [Some(export.mailbox.as_str()), export.email.as_deref()];
        words.into_iter().flatten()
    });
    let names: Vec<&str> = of_exports.chain([one.id]).collect();
    if let Some(waiver) = rule.waived(one.entity, &names) {
        return Ok((row(Err(waiver.reason.clone())), None));
    }
    let export = best(&one.exports, rule, at)?;
    // A disabled user gets no mail, and AWS tells the size of users only.
    let grows = one
        .entity
        .filter(|entity| entity.kind == EntityKind::User && entity.state == EntityState::Enabled);
    let check = Check::of(export, one.label(), grows.map(|entity| entity.id.clone()));
    Ok((row(Ok(export.clone())), Some(check)))
}

/// The latest export that counts; or why the latest does not.
fn best<'a>(exports: &[&'a Export], rule: &Rule, at: Timestamp) -> Result<&'a Export, Why> {
    let is_done = |export: &&&Export| export.state == Some(ExportState::Completed);
    let mut done: Vec<&Export> = exports
        .iter()
        .filter(is_done)
        .filter(|export| !export.is_leaving)
        .copied()
        .collect();
    done.sort_by_key(|export| std::cmp::Reverse(export.started_at));
    let mut why = None;
    for export in done {
        match does_not_count(export, rule, at) {
            None => return Ok(export),
            // That of the latest is told.
            Some(reason) => why = why.or(Some(reason)),
        }
    }
    let has_failed = |export: &&Export| {
        matches!(
            export.state,
            Some(ExportState::Failed | ExportState::Cancelled)
        )
    };
    Err(why.unwrap_or_else(|| {
        if exports.iter().any(has_failed) {
            Why::ExportFailed
        } else {
            Why::NoExport
        }
    }))
}

/// Why an export that is completed does not count, if so.
fn does_not_count(export: &Export, rule: &Rule, at: Timestamp) -> Option<Why> {
    let most = SignedDuration::try_from(rule.max_age).unwrap_or(SignedDuration::MAX);
    let Some(started) = export.started_at else {
        // When it began is not known, which is not lately.
        return Some(Why::TooOld);
    };
    if export.object.is_none() {
        Some(Why::ObjectMissing)
    } else if rule.not_before.is_some_and(|earliest| started < earliest) {
        Some(Why::BeforeNotBefore)
    } else if at.duration_since(started) > most {
        Some(Why::TooOld)
    } else if rule.verified && !export.is_verified {
        Some(Why::NotVerified)
    } else {
        None
    }
}
