//! One reconcile as a value: what it knows, and what each answer makes of it.
//!
//! The driver asks for the [`next`](Reconcile::next) action, performs it, and hands the answer to
//! [`answered`](Reconcile::answered), until the action is [`Action::Finish`].

use std::time::Duration;

use super::{
    Action, Answer, Desired, Observed, Outcome, ProcessMemory, Read, Recorded, Report, SaveAs,
    Surroundings, View, decide, process_memory::KeptReads, report,
};
use crate::{
    api::Reason,
    logic::{ClusterIdentity, Moment, Now, ObjectKey, schedule},
};

/// Whether a status is written only over the version of the object that it was decided from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Refused if anybody has changed the object meanwhile.
    Required,
    /// Written all the same, as long as it is the same object: what AWS answered must not be lost.
    Waived,
}

impl SaveAs {
    /// How the save is written.
    #[must_use]
    pub const fn freshness(self) -> Freshness {
        match self {
            Self::Intent => Freshness::Required,
            Self::Answer => Freshness::Waived,
        }
    }
}

/// A reconcile under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reconcile {
    /// What it knows.
    pub view: View,
    begun: Moment,
    /// Everything is read, not only what the listing shows.
    is_full_read: bool,
    /// The reads of an earlier reconcile, until the listing is there that says whether they still hold.
    earlier: Option<Observed>,
    /// When the oldest read was made.
    reads_since: Moment,
}

impl View {
    /// Returns what is known of an object as its reconcile begins.
    pub fn begin(
        desired: Desired,
        recorded: Recorded,
        cluster: ClusterIdentity,
        competitor: Option<ObjectKey>,
        (process, surroundings): (&mut ProcessMemory, &Surroundings),
        now: Now,
    ) -> Self {
        let facts = process.facts(&desired, &recorded, surroundings, now);
        let Recorded {
            memory,
            shown,
            verdicts,
            observed_generation,
            handled,
        } = recorded;
        Self {
            desired,
            cluster,
            saved: memory.clone(),
            memory,
            shown,
            previous: verdicts,
            observed_generation,
            handled,
            observed: Observed::default(),
            facts,
            competitor,
        }
    }
}

impl Reconcile {
    /// Begins a reconcile. It goes on with what an earlier one has read for the same spec.
    #[must_use]
    pub fn begin(view: View, process: &mut ProcessMemory, now: Moment) -> Self {
        let kept = process.kept_reads.take().filter(|kept| {
            kept.desired == view.desired && now.since(kept.since) <= schedule::READS_LAST
        });
        let (earlier, reads_since) = match kept.map(|kept| *kept) {
            Some(KeptReads { reads, since, .. }) => (Some(reads), since),
            None => (None, now),
        };
        Self {
            is_full_read: view.needs_full_read(),
            view,
            begun: now,
            earlier,
            reads_since,
        }
    }

    /// Returns the next action.
    #[must_use]
    pub fn next(&self) -> Action {
        decide(&self.view)
    }

    /// Whether to stop before this action: answers are always saved, but nothing new begins at the end
    /// of the time of a reconcile.
    #[must_use]
    pub fn is_late_for(&self, action: &Action, now: Moment) -> bool {
        if let Action::Save(_) = action {
            return false;
        }
        let last = if let Action::Read(Read::Listing { .. }) = action {
            schedule::LAST_LISTING
        } else {
            schedule::LAST_STEP
        };
        now.since(self.begun) > last
    }

    /// Whether AWS has throttled a call about one organization that can be made again in this
    /// reconcile, after [`schedule::TURN`] at most.
    #[must_use]
    pub fn may_take_another_turn(&self, action: &Action, answer: &Answer, now: Moment) -> bool {
        let is_throttled = matches!(
            answer,
            Answer::Failed { failure, did_nothing: true } if failure.reason == Reason::Throttled
        );
        let is_about_one = matches!(
            action,
            Action::Call(_)
                | Action::Read(
                    Read::Organization(_)
                        | Read::Tags(_)
                        | Read::Domains { .. }
                        | Read::Addresses { .. }
                )
        );
        is_throttled
            && is_about_one
            && now.since(self.begun) + schedule::TURN < schedule::LAST_LISTING
    }

    /// Applies the answer to an action. Returns whether earlier reads are used from now on.
    pub fn answered(
        &mut self,
        process: &mut ProcessMemory,
        action: &Action,
        answer: Answer,
        now: Now,
    ) -> bool {
        process.answered(&self.view, action, &answer, now.moment);
        self.view.apply_answer(action, answer, now.time);
        let Some(earlier) = self
            .earlier
            .take_if(|_| self.view.observed.listing.is_some())
        else {
            return false;
        };
        self.view.resume(earlier, now.time);
        true
    }

    /// Keeps what was read for the next reconcile: this one ends before its outcome.
    pub fn pause(&mut self, process: &mut ProcessMemory) {
        // The earlier reads are not used yet where no listing came.
        if let Some(reads) = self.earlier.take().or_else(|| self.view.reads()) {
            process.kept_reads = Some(Box::new(KeptReads {
                desired: self.view.desired.clone(),
                since: self.reads_since,
                reads,
            }));
        }
    }

    /// Reports an outcome. The next reconcile goes on with what this one has read where only a call did
    /// not succeed.
    pub fn report(&mut self, process: &mut ProcessMemory, outcome: &Outcome) -> Report {
        let may_go_on = matches!(
            outcome,
            Outcome::Failed(failure)
                if matches!(failure.reason, Reason::Throttled | Reason::ServiceUnavailable)
        );
        if may_go_on {
            self.pause(process);
        }
        report(&self.view, outcome)
    }

    /// How the status of the outcome is written; `None` where the object is gone, or goes without us.
    #[must_use]
    pub fn freshness(&self, outcome: &Outcome) -> Option<Freshness> {
        if matches!(outcome, Outcome::Released(_) | Outcome::Gone) {
            None
        } else if self.view.has_unsaved_answer() && self.view.observed.current {
            Some(Freshness::Waived)
        } else {
            Some(Freshness::Required)
        }
    }

    /// Ends the reconcile once its report is published. Returns when the next one begins; `None`: when
    /// something changes.
    pub fn finish(
        &self,
        process: &mut ProcessMemory,
        outcome: &Outcome,
        report: &Report,
        now: Now,
        random: f64,
    ) -> Option<Duration> {
        let view = &self.view;
        process.finished(view, outcome, report, self.is_full_read, now.moment);
        let delay = process.delay(view.desired.generation, outcome, random);
        let domains = process.domains_delay(view, outcome, report, now);
        delay.into_iter().chain(domains).min()
    }
}
