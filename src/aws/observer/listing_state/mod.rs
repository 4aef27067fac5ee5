//! What an observer knows: the last listing, the objects that need it, and so when and how to read again.

mod followed;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use self::followed::Followed;
pub use self::followed::Wanted;
use super::{
    super::{
        CallError,
        snapshot::{APART, Snapshot, StillThere},
    },
    Question, Timing,
};
use crate::logic::{
    ObjectKey, OrganizationId,
    organization::{Listing, Presence, Summary},
};

/// While an organization is in transition, the next read comes after this part of its age.
const PART_OF_AGE: f64 = 0.04;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// What an observer knows.
#[derive(Debug, Default)]
pub struct ListingState {
    snapshot: Option<Snapshot>,
    /// When the list is due although nothing is in transition.
    resync_at: Option<Instant>,
    /// When the last read ended, of either kind.
    last_read: Option<Instant>,
    /// Some descriptions failed: until then the list is read instead.
    only_lists: Option<Instant>,
    outage: Option<Outage>,
    /// A reconcile needs a listing that was begun no earlier than this.
    demand: Option<Instant>,
    followed: HashMap<ObjectKey, Followed>,
    /// Objects whose organization is in transition, by since when.
    transitions: BTreeSet<(Instant, ObjectKey)>,
    /// Objects that need a second read: their organization is missing and not confirmed as absent, or
    /// still there although its deletion was accepted.
    unconfirmed: HashSet<ObjectKey>,
}

/// Why the last read failed.
#[derive(Debug)]
struct Outage {
    error: CallError,
    since: Instant,
    last: Instant,
    times: u32,
    reported: bool,
}

/// How to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The whole list.
    List,
    /// These organizations one by one, which takes fewer calls.
    Each(Vec<OrganizationId>),
}

/// The reply to a question.
#[derive(Debug)]
pub(super) enum Reply {
    Seen(Listing),
    ReadFailed(CallError),
    /// The next read answers it.
    NotYet,
}

impl ListingState {
    /// Returns when the next read is due; `None` while no object needs one.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.is_demanded() {
            return Some(now);
        }
        if !self.followed.values().any(Followed::is_served) {
            return None;
        }
        if let Some(outage) = &self.outage {
            return Some(outage.next());
        }
        [self.list_due(), self.transition_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns how to read now that a read is due.
    pub(super) fn plan(&self, now: Instant) -> Read {
        let pages = self.snapshot.as_ref().map_or(0, |seen| seen.pages);
        let list = self.is_demanded()
            || self.outage.is_some()
            || self.only_lists.is_some_and(|until| now < until)
            || self.list_due().is_some_and(|due| due <= now)
            || self.transitions.len() >= pages;
        if list {
            return Read::List;
        }
        let ids = self
            .transitions
            .iter()
            .filter_map(|(_, object)| self.followed.get(object)?.id.clone());
        Read::Each(ids.collect())
    }

    fn is_demanded(&self) -> bool {
        let begun = self.snapshot.as_ref().map(|seen| seen.begun);
        self.demand
            .is_some_and(|demand| begun.is_none_or(|begun| begun < demand))
    }

    fn list_due(&self) -> Option<Instant> {
        let begun = self.snapshot.as_ref()?.begun;
        let missing = (!self.unconfirmed.is_empty()).then_some(begun + APART);
        self.resync_at.into_iter().chain(missing).min()
    }

    fn transition_due(&self) -> Option<Instant> {
        let (since, _) = self.transitions.last()?;
        let last_read = self.last_read?;
        let age = last_read.saturating_duration_since(*since);
        Some(last_read + age.mul_f64(PART_OF_AGE).clamp(SHORTEST, LONGEST))
    }

    /// Whether no object is known.
    pub(super) fn is_idle(&self) -> bool {
        self.followed.is_empty()
    }

    /// Answers a question from the last listing, if it is recent enough.
    pub(super) fn ask(&mut self, question: &Question<'_>) -> Reply {
        let Question {
            account,
            object,
            id,
            alias,
            made,
            since,
            fresh_since,
            ..
        } = *question;
        let snapshot = self.snapshot.as_ref();
        let Some(snapshot) =
            snapshot.filter(|seen| seen.begun >= since && seen.account == *account)
        else {
            return self.cannot_say(question);
        };
        let followed = self.followed.entry(object.clone()).or_default();
        if let Some(before) = followed.becomes(id) {
            self.transitions.remove(&(before, object.clone()));
        }
        if !followed.is_missing() {
            self.unconfirmed.remove(object);
        }
        if let Some(made) = made {
            followed.id_missing.may_be_made(made);
            followed.alias_missing.may_be_made(made);
        }
        let begun = snapshot.begun;
        let by_alias = if snapshot.was_freed(alias) {
            Presence::Absent { confirmed: false }
        } else {
            followed.alias_missing.see(snapshot.by_alias(alias), begun)
        };
        Reply::Seen(Listing {
            by_id: id.map(|id| owned(followed.id_missing.see(snapshot.by_id(id), begun))),
            by_alias: owned(by_alias),
            deleted: snapshot.deleted(alias).cloned(),
            fresh: begun >= fresh_since,
            deletion_failed: id
                .is_some_and(|id| followed.is_still_there(snapshot.by_id(id), begun)),
        })
    }

    fn cannot_say(&mut self, question: &Question<'_>) -> Reply {
        if let Some(outage) = &self.outage
            && (outage.last >= question.asked
                || outage.last >= question.since && outage.next() > question.asked)
        {
            return Reply::ReadFailed(outage.error.clone());
        }
        // A listing of another account is no listing of this one.
        let another = |seen: &Snapshot| seen.account != *question.account;
        let since = if self.snapshot.as_ref().is_some_and(another) {
            question.asked
        } else {
            question.since
        };
        self.demand = self.demand.max(Some(since));
        Reply::NotYet
    }

    /// Records what a reconcile of the object acted on, and whether it waits for AWS. Returns whether the
    /// next read may be due sooner.
    pub fn follow(
        &mut self,
        object: &ObjectKey,
        id: &OrganizationId,
        acted_on: Presence<Summary>,
        in_transition: bool,
    ) -> bool {
        let row = |summary: Summary| {
            let listed = self.snapshot.as_ref().and_then(|seen| seen.by_id(id));
            match listed.filter(|row| ***row == summary) {
                Some(row) => row.clone(),
                None => Arc::new(summary),
            }
        };
        let acted_on = match acted_on {
            Presence::Present(summary) => Presence::Present(row(summary)),
            Presence::Absent { confirmed } => Presence::Absent { confirmed },
        };
        let followed = self.followed.entry(object.clone()).or_default();
        let before = followed.in_transition;
        if !followed.act_on(id, acted_on, in_transition) {
            return false;
        }
        let (now, missing) = (followed.in_transition, followed.is_missing());
        self.transitions
            .extend(now.map(|since| (since, object.clone())));
        if let Some(before) = before.filter(|before| Some(*before) != now) {
            self.transitions.remove(&(before, object.clone()));
        }
        if missing {
            self.unconfirmed.insert(object.clone());
        } else {
            self.unconfirmed.remove(object);
        }
        true
    }

    /// AWS has just accepted the deletion of the object's organization.
    pub(super) fn deletion_accepted(&mut self, object: &ObjectKey) {
        let followed = self.followed.entry(object.clone()).or_default();
        followed.still_there = Some(StillThere::after(Instant::now()));
    }

    /// AWS accepted the deletion of the object's organization before.
    pub(super) fn expect_deletion(&mut self, object: &ObjectKey) {
        let followed = self.followed.entry(object.clone()).or_default();
        let still_there = &mut followed.still_there;
        still_there.get_or_insert_with(|| StillThere::after(Instant::now()));
    }

    /// An organization of the object may have been made by now: listings begun before say nothing of it.
    pub(super) fn may_appear(&mut self, object: &ObjectKey) {
        if let Some(followed) = self.followed.get_mut(object) {
            followed.id_missing.may_be_made(Instant::now());
            followed.alias_missing.may_be_made(Instant::now());
        }
    }

    /// Records what a reconcile of an object without an organization of its own has found. Returns whether
    /// the last listing shows something else already.
    pub(super) fn wait_for(
        &mut self,
        object: &ObjectKey,
        wanted: Wanted,
        found: Option<Summary>,
    ) -> bool {
        let followed = self.followed.entry(object.clone()).or_default();
        if let Some(since) = followed.in_transition.take() {
            self.transitions.remove(&(since, object.clone()));
        }
        self.unconfirmed.remove(object);
        followed.wait_for(wanted, found.map(Arc::new));
        let snapshot = self.snapshot.as_ref();
        snapshot.is_some_and(|seen| followed.see(seen, seen.begun) && followed.is_first_report())
    }

    /// Forgets an object. Whether it was known.
    pub(super) fn forget(&mut self, object: &ObjectKey) -> bool {
        self.unconfirmed.remove(object);
        let Some(followed) = self.followed.remove(object) else {
            return false;
        };
        if let Some(since) = followed.in_transition {
            self.transitions.remove(&(since, object.clone()));
        }
        true
    }

    /// Since when reads have failed.
    pub(super) fn unreachable_since(&self) -> Option<Instant> {
        self.outage.as_ref().map(|outage| outage.since)
    }

    /// Records a complete listing. Returns the objects for which it shows a change.
    pub fn see(&mut self, mut snapshot: Snapshot, timing: Timing) -> Vec<ObjectKey> {
        // Objects that were reconciled for the outage are reconciled for its end.
        let recovered = self.outage.take().is_some_and(|outage| outage.reported);
        if self.demand.is_some_and(|demand| demand <= snapshot.begun) {
            self.demand = None;
        }
        match &self.snapshot {
            // A listing of another account says nothing of what these objects acted on.
            Some(before) if before.account != snapshot.account => {
                for followed in self.followed.values_mut() {
                    followed.id_missing.start_again();
                    followed.alias_missing.start_again();
                }
            }
            Some(before) => snapshot.share(before),
            None => {}
        }
        let mut changed = Vec::new();
        for (object, followed) in &mut self.followed {
            let differs = followed.see(&snapshot, snapshot.begun);
            let recovered = recovered && followed.is_served();
            if (differs || recovered) && followed.is_first_report() {
                changed.push(object.clone());
            }
        }
        // At most a tenth early, never late: a listing must not be older than the interval.
        let early = 0.1 * rand::random::<f64>();
        self.resync_at = Some(snapshot.begun + timing.resync.mul_f64(1.0 - early));
        self.last_read = Some(Instant::now());
        self.snapshot = Some(snapshot);
        changed
    }

    /// Records descriptions of organizations. Returns the objects for which they show a change. They say
    /// nothing of organizations that were not described.
    pub(super) fn apply_descriptions(
        &mut self,
        rows: Vec<Summary>,
        begun: Instant,
    ) -> Vec<ObjectKey> {
        self.last_read = Some(Instant::now());
        let Some(snapshot) = &mut self.snapshot else {
            return Vec::new();
        };
        let described: HashSet<_> = rows.iter().map(|row| row.id.clone()).collect();
        for row in rows {
            snapshot.see(row);
        }
        let mut changed = Vec::new();
        for (_, object) in &self.transitions {
            let Some(followed) = self.followed.get_mut(object) else {
                continue;
            };
            let is_described = followed
                .id
                .as_ref()
                .is_some_and(|id| described.contains(id));
            if is_described && followed.see(snapshot, begun) && followed.is_first_report() {
                changed.push(object.clone());
            }
        }
        changed
    }

    /// Some descriptions failed: the list is read instead for a while.
    pub(super) fn prefer_list_until(&mut self, until: Instant) {
        self.only_lists = Some(until);
    }

    /// Records a failed listing. Returns the objects that have to report it by now.
    pub(super) fn apply_failure(
        &mut self,
        error: CallError,
        unreachable: Duration,
        now: Instant,
    ) -> Vec<ObjectKey> {
        self.demand = None;
        let outage = self.outage.get_or_insert_with(|| Outage {
            error: error.clone(),
            since: now,
            last: now,
            times: 0,
            reported: false,
        });
        outage.error = error;
        outage.last = now;
        outage.times = outage.times.saturating_add(1);
        if outage.reported || now.duration_since(outage.since) < unreachable {
            return Vec::new();
        }
        outage.reported = true;
        self.followed.keys().cloned().collect()
    }
}

/// A copy of the row that a reconcile can own.
fn owned(seen: Presence<Arc<Summary>>) -> Presence<Summary> {
    match seen {
        Presence::Present(row) => Presence::Present(Summary::clone(&row)),
        Presence::Absent { confirmed } => Presence::Absent { confirmed },
    }
}

impl Outage {
    /// Returns when to read again: 1 s doubling to 60 s.
    fn next(&self) -> Instant {
        let doublings = self.times.saturating_sub(1).min(6);
        self.last + Duration::from_secs(60.min(1 << doublings))
    }
}

#[cfg(test)]
mod tests;
