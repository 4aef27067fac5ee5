//! What an observer knows: the last listing, whom it serves, and so when and how to look again.

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
    AccountId, ObjectKey, OrganizationId,
    organization::{Listing, Presence, Summary},
};

/// While something is in transition the next look comes after this part of its age.
const PART_OF_AGE: f64 = 0.04;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// What an observer knows.
#[derive(Debug, Default)]
pub struct ListingState {
    snapshot: Option<Snapshot>,
    /// When the list is due although nothing is in transition.
    resync_at: Option<Instant>,
    /// When the last look ended, of whichever kind.
    looked: Option<Instant>,
    /// Descriptions could not be had: until then the list is looked at instead.
    only_lists: Option<Instant>,
    trouble: Option<Outage>,
    /// Someone needs a look that was begun no earlier than this.
    demand: Option<Instant>,
    followed: HashMap<ObjectKey, Followed>,
    /// Those that wait for AWS, by since when.
    transitions: BTreeSet<(Instant, ObjectKey)>,
    /// Those of whom a second read has to tell: whose organization is missing and not known to be gone,
    /// or still there although its deletion was accepted.
    missing: HashSet<ObjectKey>,
}

/// Why the last look saw nothing.
#[derive(Debug)]
struct Outage {
    error: CallError,
    since: Instant,
    last: Instant,
    times: u32,
    told: bool,
}

/// How to look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// At the whole list.
    List,
    /// At these organizations one by one, which takes fewer calls.
    Each(Vec<OrganizationId>),
}

/// What can be said to a question.
#[derive(Debug)]
pub(super) enum Reply {
    Seen(Listing),
    ReadFailed(CallError),
    /// After the next look.
    NotYet,
}

impl ListingState {
    /// When the next look is due; never while it would tell nobody anything.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.is_demanded() {
            return Some(now);
        }
        if !self.followed.values().any(Followed::is_served) {
            return None;
        }
        if let Some(trouble) = &self.trouble {
            return Some(trouble.next());
        }
        [self.list_due(), self.transition_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// How to look now that it is due.
    pub(super) fn plan(&self, now: Instant) -> Read {
        let pages = self.snapshot.as_ref().map_or(0, |seen| seen.pages);
        let list = self.is_demanded()
            || self.trouble.is_some()
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
        let missing = (!self.missing.is_empty()).then_some(begun + APART);
        self.resync_at.into_iter().chain(missing).min()
    }

    fn transition_due(&self) -> Option<Instant> {
        let (since, _) = self.transitions.last()?;
        let looked = self.looked?;
        let age = looked.saturating_duration_since(*since);
        Some(looked + age.mul_f64(PART_OF_AGE).clamp(SHORTEST, LONGEST))
    }

    /// Whether the last listing is of this account.
    pub(super) fn is_of(&self, account: &AccountId) -> bool {
        let snapshot = self.snapshot.as_ref();
        snapshot.is_some_and(|seen| seen.account == *account)
    }

    /// Answers a question from the last listing, if that will do.
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
            self.missing.remove(object);
        }
        if let Some(made) = made {
            followed.id_missing.may_be_made(made);
            followed.alias_missing.may_be_made(made);
        }
        let begun = snapshot.begun;
        let by_alias = if snapshot.was_freed(alias) {
            Presence::Absent { confirmed: false }
        } else {
            followed.alias_missing.look(snapshot.by_alias(alias), begun)
        };
        Reply::Seen(Listing {
            by_id: id.map(|id| whole(followed.id_missing.look(snapshot.by_id(id), begun))),
            by_alias: whole(by_alias),
            fresh: begun >= fresh_since,
            deletion_failed: id
                .is_some_and(|id| followed.is_still_there(snapshot.by_id(id), begun)),
        })
    }

    fn cannot_say(&mut self, question: &Question<'_>) -> Reply {
        if let Some(trouble) = &self.trouble
            && (trouble.last >= question.asked
                || trouble.last >= question.since && trouble.next() > question.asked)
        {
            return Reply::ReadFailed(trouble.error.clone());
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

    /// Takes in what a reconcile of the object acted on, and whether it waits for AWS. Whether the
    /// next look may be due sooner.
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
            self.missing.insert(object.clone());
        } else {
            self.missing.remove(object);
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

    /// Takes in what a reconcile of an object without an organization of its own has found. Whether the
    /// last listing shows something else already.
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
        self.missing.remove(object);
        followed.wait_for(wanted, found.map(Arc::new));
        let snapshot = self.snapshot.as_ref();
        snapshot.is_some_and(|seen| followed.look(seen, seen.begun) && followed.tell())
    }

    /// Forgets an object. Whether it was known.
    pub(super) fn forget(&mut self, object: &ObjectKey) -> bool {
        self.missing.remove(object);
        let Some(followed) = self.followed.remove(object) else {
            return false;
        };
        if let Some(since) = followed.in_transition {
            self.transitions.remove(&(since, object.clone()));
        }
        true
    }

    /// Since when looking has failed.
    pub(super) fn unreachable_since(&self) -> Option<Instant> {
        self.trouble.as_ref().map(|trouble| trouble.since)
    }

    /// Takes a complete listing in. Gives the objects for which it shows something new.
    pub fn see(&mut self, mut snapshot: Snapshot, timing: Timing) -> Vec<ObjectKey> {
        // Objects that were told of the blindness are told of its end.
        let recovered = self.trouble.take().is_some_and(|trouble| trouble.told);
        if self.demand.is_some_and(|demand| demand <= snapshot.begun) {
            self.demand = None;
        }
        match &self.snapshot {
            // A listing of another account is no look at what these objects acted on.
            Some(before) if before.account != snapshot.account => {
                for followed in self.followed.values_mut() {
                    followed.id_missing.start_again();
                    followed.alias_missing.start_again();
                }
            }
            Some(before) => snapshot.share(before),
            None => {}
        }
        let mut to_tell = Vec::new();
        for (object, followed) in &mut self.followed {
            let differs = followed.look(&snapshot, snapshot.begun);
            let recovered = recovered && followed.is_served();
            if (differs || recovered) && followed.tell() {
                to_tell.push(object.clone());
            }
        }
        // At most a tenth early, never late: a listing must not be older than the interval.
        let early = 0.1 * rand::random::<f64>();
        self.resync_at = Some(snapshot.begun + timing.resync.mul_f64(1.0 - early));
        self.looked = Some(Instant::now());
        self.snapshot = Some(snapshot);
        to_tell
    }

    /// Takes in what organizations were described as, one by one. Gives the objects for which that
    /// shows something new. It says nothing of organizations that were not described.
    pub(super) fn apply_descriptions(
        &mut self,
        rows: Vec<Summary>,
        begun: Instant,
    ) -> Vec<ObjectKey> {
        self.looked = Some(Instant::now());
        let Some(snapshot) = &mut self.snapshot else {
            return Vec::new();
        };
        let described: HashSet<_> = rows.iter().map(|row| row.id.clone()).collect();
        for row in rows {
            snapshot.see(row);
        }
        let mut to_tell = Vec::new();
        for (_, object) in &self.transitions {
            let Some(followed) = self.followed.get_mut(object) else {
                continue;
            };
            let is_described = followed
                .id
                .as_ref()
                .is_some_and(|id| described.contains(id));
            if is_described && followed.look(snapshot, begun) && followed.tell() {
                to_tell.push(object.clone());
            }
        }
        to_tell
    }

    /// Not all descriptions could be had: the list is looked at for a while.
    pub(super) fn prefer_list_until(&mut self, until: Instant) {
        self.only_lists = Some(until);
    }

    /// Takes a listing that failed in. Gives the objects that have to say so by now.
    pub(super) fn apply_failure(
        &mut self,
        error: CallError,
        unreachable: Duration,
        now: Instant,
    ) -> Vec<ObjectKey> {
        self.demand = None;
        let trouble = self.trouble.get_or_insert_with(|| Outage {
            error: error.clone(),
            since: now,
            last: now,
            times: 0,
            told: false,
        });
        trouble.error = error;
        trouble.last = now;
        trouble.times = trouble.times.saturating_add(1);
        if trouble.told || now.duration_since(trouble.since) < unreachable {
            return Vec::new();
        }
        trouble.told = true;
        self.followed.keys().cloned().collect()
    }
}

/// The row itself, for a reconcile to keep.
fn whole(seen: Presence<Arc<Summary>>) -> Presence<Summary> {
    match seen {
        Presence::Present(row) => Presence::Present(Summary::clone(&row)),
        Presence::Absent { confirmed } => Presence::Absent { confirmed },
    }
}

impl Outage {
    /// When to look again: 1 s doubling to 60 s.
    fn next(&self) -> Instant {
        let doublings = self.times.saturating_sub(1).min(6);
        self.last + Duration::from_secs(60.min(1 << doublings))
    }
}

#[cfg(test)]
mod tests;
