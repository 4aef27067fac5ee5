//! What a process remembers of one object and a restart forgets; and the facts that follow from it.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;

use super::{
    Action, Answer, Call, Desired, Facts, Observed, Outcome, Recorded, Report, SaveAs, Schema,
    Shown, ShownDomain, View,
};
use crate::{
    api::{Class, ConditionType, Reason},
    logic::{
        Failure, Moment, Now, Retry,
        account::Access,
        schedule::{self, Failures},
    },
};

/// What holds for all objects of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Surroundings {
    /// Since when this process acts, and no other, by its own clock.
    pub started: Moment,
    /// The same by the wall clock.
    pub started_at: Timestamp,
    /// How often everything of an object is read.
    pub deep_resync_interval: Duration,
    /// What the served definition of the kind has.
    pub schema: Schema,
    /// With which account the object works.
    pub access: Access,
    /// Since when the listings of the object's account and region have failed.
    pub listing_fails_since: Option<Moment>,
    /// The service has ended.
    pub ended: bool,
    /// The last day of the service, as it stands in messages.
    pub end_of_service: String,
    /// The days until then.
    pub days_left: i64,
}

/// What a reconcile that was paused has read, for the next one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeptReads {
    /// What the reads were made for.
    pub(super) desired: Desired,
    /// When the oldest was made.
    pub(super) since: Moment,
    pub(super) reads: Observed,
}

/// What a process remembers of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProcessMemory {
    failures: Failures,
    /// Since when reads have failed.
    unreachable_since: Option<Moment>,
    pub(super) kept_reads: Option<Box<KeptReads>>,
    /// When everything was last read.
    pub last_full_read: Option<Moment>,
    /// With which account everything was last read.
    read_under: Option<Access>,
    /// The pending create that this process recorded itself, and whether every attempt at it was
    /// answered.
    attempts: Option<(Timestamp, bool)>,
    /// When an organization of nobody or of another owner was last tagged as this object's.
    claimed: Option<Moment>,
    /// The consent to take over, empty without one, as it was when the object was first seen or when it
    /// was last used.
    consent: Option<String>,
    /// The generation that was last Ready.
    in_sync: Option<i64>,
    /// The fingerprint of the spec that was last applied, or could not be.
    applied: Option<u64>,
    /// When pending domains are to be read again.
    domains_due: Option<Moment>,
    /// When the failure of an accepted deletion was first reported, and for which generation.
    deletion_failed: Option<(Moment, i64)>,
    /// Only a change of the object, a changed listing or its deep resync makes it be reconciled.
    pub at_rest: bool,
}

impl ProcessMemory {
    /// Returns the facts that a reconcile begins with.
    pub fn facts(
        &mut self,
        desired: &Desired,
        recorded: &Recorded,
        surroundings: &Surroundings,
        now: Now,
    ) -> Facts {
        let Recorded { memory, shown, .. } = recorded;
        let pending = memory.pending.as_ref().map(|pending| pending.since);
        let is_longer =
            |since: Option<Timestamp>, least| since.is_some_and(|since| now.since(since) >= least);
        let full_read_due = self.full_read_due(
            &desired.object.uid,
            surroundings.started,
            surroundings.deep_resync_interval,
        );
        Facts {
            schema: surroundings.schema.clone(),
            access: surroundings.access.clone(),
            full_read_due: full_read_due <= now.moment || self.has_other_account(surroundings),
            young: memory
                .created_at
                .is_some_and(|created| now.since(created) < schedule::YOUNG),
            delete_again: self.may_delete_again(desired.generation, now.moment),
            pending_expired: is_longer(pending, schedule::SEARCH),
            unproven_claim: self.has_unproven_claim(desired, surroundings, now.moment),
            new_consent: self.has_new_consent(desired, recorded),
            was_in_sync: self.in_sync == Some(desired.generation),
            domains_due: self.domains_are_due(shown, surroundings.started, now),
            overdue_domains: overdue(shown, now),
            attempts_answered: self
                .attempts
                .is_some_and(|(recorded, answered)| answered && Some(recorded) == pending),
            unreachable_for_long: [self.unreachable_since, surroundings.listing_fails_since]
                .into_iter()
                .flatten()
                .any(|since| now.moment.since(since) >= schedule::UNREACHABLE),
            ended: surroundings.ended,
            end_of_service: surroundings.end_of_service.clone(),
            days_left: surroundings.days_left,
            spec_changed: self
                .applied
                .filter(|_| desired.suspend)
                .map(|applied| applied != fingerprint(desired)),
        }
    }

    /// Returns when the next full read is due: an interval, spread by 20 % by the object's UID, after
    /// the last one, or after the start of the process.
    #[must_use]
    pub fn full_read_due(&self, uid: &str, started: Moment, interval: Duration) -> Moment {
        self.last_full_read.unwrap_or(started) + schedule::spread(uid, interval)
    }

    /// Whether the account, which has tags of its own, is another than when everything was last read.
    fn has_other_account(&self, surroundings: &Surroundings) -> bool {
        let before = self.read_under.as_ref();
        before.is_some_and(|before| *before != surroundings.access)
    }

    /// Whether an accepted deletion that failed may be asked for again: at the pace of slow reads, and
    /// at once under another spec.
    fn may_delete_again(&self, generation: i64, now: Moment) -> bool {
        self.deletion_failed.is_some_and(|(reported, under)| {
            under != generation || now.since(reported) >= Retry::soonest_slow()
        })
    }

    /// Whether tags that name the object may be a claim that was not read again yet: one that was made
    /// a moment ago, by this process or the one before it.
    fn has_unproven_claim(
        &self,
        desired: &Desired,
        surroundings: &Surroundings,
        now: Moment,
    ) -> bool {
        // The object's time has whole seconds. What the spec asks for now says nothing of what the
        // process before did under another spec.
        let is_older = desired.created_at.as_second() < surroundings.started_at.as_second();
        let since = self
            .claimed
            .or_else(|| is_older.then_some(surroundings.started));
        since.is_some_and(|since| now.since(since) < Retry::PROOF)
    }

    /// Whether the consent to take over was not used yet. One that stood there when this process first
    /// saw the object was used, unless the object reports an ownership conflict.
    fn has_new_consent(&mut self, desired: &Desired, recorded: &Recorded) -> bool {
        let ready = recorded.condition(ConditionType::Ready);
        let in_conflict =
            ready.is_some_and(|ready| ready.reason == Reason::OwnershipConflict.as_str());
        let consent = desired.take_over.as_deref().unwrap_or_default();
        let used = if in_conflict { "" } else { consent };
        let used = self.consent.get_or_insert_with(|| used.to_owned());
        !consent.is_empty() && used != consent
    }

    fn domains_are_due(&mut self, shown: &Shown, started: Moment, now: Now) -> bool {
        pace(shown, now).is_some_and(|pace| {
            let due = *self.domains_due.get_or_insert(started + pace);
            due <= now.moment
        })
    }

    /// Records what an answer says of the attempts and claims of this process. `view` is the one that
    /// the action was decided from.
    pub(super) fn answered(&mut self, view: &View, action: &Action, answer: &Answer, now: Moment) {
        match (action, answer) {
            (Action::Save(SaveAs::Intent), Answer::Saved) => {
                if let Some(pending) = view.memory.pending_create() {
                    self.attempts = Some((pending.since, true));
                }
            }
            // An id that was answered counts as unanswered until it is written down: then nothing is
            // pending any more. If it cannot be written, a later refusal must not pass for the answer.
            (Action::Call(Call::Create { .. }), answer) if !answer.did_nothing() => {
                if let Some((_, answered)) = &mut self.attempts {
                    *answered = false;
                }
            }
            (Action::Call(Call::Tag { .. }), _) if view.claims() => self.claimed = Some(now),
            _ => {}
        }
    }

    /// Records the end of a reconcile.
    pub(super) fn finished(
        &mut self,
        view: &View,
        outcome: &Outcome,
        report: &Report,
        was_full_read: bool,
        now: Moment,
    ) {
        let listing = view.observed.listing.as_ref();
        let deletion_failed = view.memory.deletion_accepted.is_some()
            && listing.is_some_and(|listing| listing.deletion_failed);
        let reported = (now, view.desired.generation);
        self.deletion_failed = deletion_failed.then(|| self.deletion_failed.unwrap_or(reported));
        if outcome.is_failed_read() {
            self.unreachable_since.get_or_insert(now);
        } else {
            self.unreachable_since = None;
            if was_full_read {
                self.last_full_read = Some(now);
                self.read_under = Some(view.facts.access.clone());
            }
        }
        if !view.desired.suspend && report.observed_generation == Some(view.desired.generation) {
            self.applied = Some(fingerprint(&view.desired));
        }
        if *outcome == Outcome::Active {
            self.in_sync = Some(view.desired.generation);
        }
        if matches!(outcome, Outcome::Active | Outcome::Claiming) {
            self.consent = Some(view.desired.take_over.clone().unwrap_or_default());
        }
    }

    /// Returns how long to wait after an outcome; `None`: until something changes.
    pub fn delay(&mut self, generation: i64, outcome: &Outcome, random: f64) -> Option<Duration> {
        let retry = outcome.retry();
        self.at_rest = retry == Retry::OnChange;
        let times = if let Some(class) = outcome.failure_class() {
            self.failures.count(class, generation)
        } else {
            self.failures.end();
            0
        };
        retry.delay(times, random)
    }

    /// Returns how long to wait after a reconcile that came to no outcome.
    pub fn delay_without_outcome(&mut self, generation: i64, random: f64) -> Duration {
        let times = self.failures.count(Class::Transient, generation);
        Retry::TRANSIENT.delay(times, random).unwrap_or_default()
    }

    /// Returns when pending domains are read again, if the outcome leaves time for it.
    pub(super) fn domains_delay(
        &mut self,
        view: &View,
        outcome: &Outcome,
        report: &Report,
        now: Now,
    ) -> Option<Duration> {
        let was_read = view.observed.domains.is_some();
        let next = pace(&report.shown, now).map(|pace| now.moment + pace);
        self.domains_due = match (next, self.domains_due) {
            (Some(_), Some(due)) if !was_read => Some(due),
            (next, _) => next,
        };
        let delay = self.domains_due?.since(now.moment);
        match outcome {
            Outcome::Active | Outcome::Observed(_) | Outcome::Unchanged => Some(delay),
            // What was refused is asked for again with every read: not as often.
            Outcome::Failed(_) => Some(delay.max(schedule::DOMAINS_OF_A_FAILURE)),
            Outcome::Claiming
            | Outcome::Checking
            | Outcome::Progress { .. }
            | Outcome::Searching
            | Outcome::Unconfirmed
            | Outcome::Suspended
            | Outcome::Ended
            | Outcome::Released(_)
            | Outcome::Gone => None,
        }
    }

    /// Makes the reads of a paused reconcile void: what was refused before may be granted now.
    pub fn forget_reads(&mut self) {
        self.kept_reads = None;
    }
}

impl Outcome {
    /// Whether nothing is known to be wrong with the organization: a read failed.
    #[must_use]
    pub const fn is_failed_read(&self) -> bool {
        matches!(
            self,
            Self::Failed(Failure {
                read_failed: true,
                ..
            })
        )
    }

    /// The class of failures that the outcome counts as, if it is none of success.
    fn failure_class(&self) -> Option<Class> {
        match self {
            Self::Failed(failure) => Some(failure.reason.class()),
            Self::Searching | Self::Unconfirmed => Some(Class::Transient),
            Self::Active
            | Self::Observed(_)
            | Self::Unchanged
            | Self::Claiming
            | Self::Checking
            | Self::Progress { .. }
            | Self::Suspended
            | Self::Ended
            | Self::Released(_)
            | Self::Gone => None,
        }
    }
}

/// Returns a hash of the part of the spec that the operator applies to AWS.
fn fingerprint(desired: &Desired) -> u64 {
    let mut hasher = DefaultHasher::new();
    desired.to_apply().hash(&mut hasher);
    hasher.finish()
}

/// How often pending domains are read, if there are any that AWS has not given up on.
fn pace(shown: &Shown, now: Now) -> Option<Duration> {
    let overdue = overdue(shown, now);
    let pending = shown.pending_domains();
    let count = pending.len();
    let waited = pending
        .into_iter()
        .filter(|name| !overdue.contains(name))
        .filter_map(|name| waited(shown.domains.get(&name)?, now));
    waited
        .min()
        .map(|youngest| schedule::domains_pace(count, youngest))
}

/// The domains whose verification has been waited for for as long as AWS tries.
fn overdue(shown: &Shown, now: Now) -> BTreeSet<String> {
    let all = shown.domains.iter();
    all.filter(|(_, domain)| waited(domain, now).is_some_and(|age| age >= schedule::VERIFICATION))
        .map(|(name, _)| name.clone())
        .collect()
}

fn waited(domain: &ShownDomain, now: Now) -> Option<Duration> {
    Some(now.since(domain.pending_since?))
}
