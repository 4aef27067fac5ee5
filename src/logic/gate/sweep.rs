//! The sweep: each object that the deletion rests on is asked for once more, and each mailbox is asked for
//! its size.
//!
//! What was found right is remembered in status as a number and a digest: of the exports, in the order in
//! which their jobs began, this many were found right, and these they were. So a restart begins nothing
//! anew, however many mailboxes there are, and what has changed meanwhile is noticed.

use std::fmt::Write as _;
use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Export, Rule};

/// What the sweep has found counts for this long.
pub const SWEEP_LASTS: Duration = Duration::from_hours(1);

/// What identifies an export that is checked: its object and its job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(pub String);

/// An export that is to be checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// What identifies it.
    pub id: CheckId,
    /// What the mailbox is called in messages.
    pub label: String,
    /// The export.
    pub export: Export,
    /// The user whose mailbox may have grown. Absent for resources, whose size AWS does not tell, and for
    /// users who are disabled, who get no mail.
    pub user: Option<String>,
}

impl Check {
    /// The check of an export.
    #[must_use]
    pub fn of(export: &Export, label: &str, user: Option<String>) -> Self {
        let job = export.job.as_deref().unwrap_or_default();
        Self {
            id: CheckId(format!("{}/{job}", export.uid)),
            label: label.to_owned(),
            export: export.clone(),
            user,
        }
    }
}

/// What the sweep has found of one export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checked {
    /// When.
    pub at: Timestamp,
    /// What.
    pub found: Found,
}

impl Checked {
    /// Whether it still counts.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        lasts(self.at, now)
    }
}

/// What became of an export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// Its object is as it was, and the mailbox has this size in bytes where it was asked for.
    AsItWas {
        /// The size of the mailbox.
        bytes: Option<u64>,
    },
    /// There is no such object, or no such version of it.
    Missing,
    /// The object is another one than the job wrote.
    Changed,
    /// The object or the size could not be read.
    Unread,
}

/// What the sweep has found in this reconcile and the ones before it.
pub type Checks = BTreeMap<CheckId, Checked>;

/// How much of the sweep is done and found right.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    /// When the first of them was checked.
    pub since: Timestamp,
    /// How many, in the order in which their jobs began.
    pub count: u32,
    /// Which.
    pub digest: String,
}

/// Sorts checks by the order in which their jobs began: what is exported later changes nothing of those
/// before.
pub(super) fn sort(checks: &mut [Check]) {
    checks.sort_by(|a, b| {
        let key = |check: &Check| (check.export.started_at, check.id.clone());
        key(a).cmp(&key(b))
    });
}

impl Sweep {
    /// How many of these checks, which are sorted, were done before and still count.
    #[must_use]
    pub fn covers(&self, checks: &[Check], rule: &Rule, at: Timestamp) -> usize {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let is_same = checks
            .get(..count)
            .is_some_and(|done| digest(done, rule) == self.digest);
        if is_same && lasts(self.since, at) {
            count
        } else {
            0
        }
    }

    /// What is remembered once these checks, which are sorted, are done as far as `found` says.
    #[must_use]
    pub fn after(
        before: Option<&Self>,
        checks: &[Check],
        found: &Checks,
        rule: &Rule,
        at: Timestamp,
    ) -> Option<Self> {
        let covered = before.map_or(0, |before| before.covers(checks, rule, at));
        let since = before.filter(|_| covered > 0).map(|before| before.since);
        let (mut count, mut since) = (covered, since);
        for check in checks.iter().skip(covered) {
            let right = found
                .get(&check.id)
                .filter(|checked| lasts(checked.at, at) && failing(check, checked, rule).is_none());
            let Some(checked) = right else {
                break;
            };
            count += 1;
            since = Some(since.map_or(checked.at, |since| since.min(checked.at)));
        }
        let since = since?;
        Some(Self {
            since,
            count: u32::try_from(count).ok()?,
            digest: digest(checks.get(..count)?, rule),
        })
    }
}

/// Whether what was found then still counts.
pub(super) fn lasts(since: Timestamp, at: Timestamp) -> bool {
    let most = SignedDuration::try_from(SWEEP_LASTS).unwrap_or(SignedDuration::ZERO);
    let age = at.duration_since(since);
    // A clock that was set back is no proof.
    age <= most && age >= -most
}

/// Why an export that was checked does not count, if so.
pub(super) fn failing(check: &Check, checked: &Checked, rule: &Rule) -> Option<super::Why> {
    match (&checked.found, &check.user) {
        (Found::Missing, _) => Some(super::Why::ObjectMissing),
        (Found::Changed, _) => Some(super::Why::ObjectChanged),
        (Found::Unread, _) => Some(super::Why::Unread),
        (Found::AsItWas { bytes: _ }, None) => None,
        (Found::AsItWas { bytes }, Some(_)) => match (bytes, check.export.bytes) {
            (Some(now), Some(then)) if now.saturating_sub(then) <= rule.max_growth => None,
            (Some(_), Some(_)) => Some(super::Why::MailSinceExport),
            // How much came since is not known, which is not nothing.
            (None, _) | (_, None) => Some(super::Why::SizeUnknown),
        },
    }
}

/// The digest of these checks, and of what they were found right under.
fn digest(checks: &[Check], rule: &Rule) -> String {
    let mut hash = Sha256::new();
    hash.update(rule.max_growth.to_string());
    for check in checks {
        let user = check.user.as_deref().unwrap_or_default();
        for part in [&check.id.0, user] {
            hash.update([0]);
            hash.update(part.as_bytes());
        }
    }
    let hash = hash.finalize();
    hash.iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
