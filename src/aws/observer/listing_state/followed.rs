//! One object, and what its last reconcile acted on.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    aws::snapshot::{Missing, Snapshot, StillThere},
    logic::{
        OrganizationId,
        organization::{OrganizationState, Presence, Summary},
    },
};

/// What an object without an organization of its own searches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The organization of this alias.
    Alias(Box<str>),
    /// This organization.
    Id(OrganizationId),
}

impl Wanted {
    /// What a listing shows of it. A Deleted organization is none.
    fn find<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Arc<Summary>> {
        let found = match self {
            Self::Alias(alias) => snapshot.by_alias(alias),
            Self::Id(id) => snapshot.by_id(id),
        };
        found.filter(|row| row.state != OrganizationState::Deleted)
    }
}

/// What an object without an organization of its own has found, and acted on.
#[derive(Debug)]
struct Candidate {
    wanted: Wanted,
    found: Option<Arc<Summary>>,
}

impl Candidate {
    /// Whether a listing shows another organization than was found, or the same in a state that lets the
    /// object do something else.
    fn differs(&self, snapshot: &Snapshot) -> bool {
        let is_same = |old: &Summary, new: &Summary| {
            old.id == new.id
                && (old.state == new.state
                    || old.state.in_transition() && new.state.in_transition())
        };
        match (&self.found, self.wanted.find(snapshot)) {
            (Some(old), Some(new)) => !is_same(old, new),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) id: Option<OrganizationId>,
    acted_on: Option<Presence<Arc<Summary>>>,
    candidate: Option<Candidate>,
    /// Since when it waits for AWS to finish something.
    pub(super) in_transition: Option<Instant>,
    reported: bool,
    pub(super) id_missing: Missing,
    pub(super) alias_missing: Missing,
    /// Kept once its deletion was accepted.
    pub(super) still_there: Option<StillThere>,
}

impl Followed {
    /// Follows this organization from now on. If it was another, what was known of that one is
    /// forgotten. Returns since when that one was in transition.
    pub(super) fn becomes(&mut self, id: Option<&OrganizationId>) -> Option<Instant> {
        if self.id.as_ref() == id {
            return None;
        }
        self.id = id.cloned();
        self.id_missing.start_again();
        self.acted_on = None;
        self.candidate = None;
        self.in_transition.take()
    }

    /// Records what a reconcile acted on. Returns whether that is new.
    pub(super) fn act_on(
        &mut self,
        id: &OrganizationId,
        acted_on: Presence<Arc<Summary>>,
        in_transition: bool,
    ) -> bool {
        self.reported = false;
        self.candidate = None;
        if self.acted_on.as_ref() == Some(&acted_on)
            && self.in_transition.is_some() == in_transition
        {
            return false;
        }
        self.id = Some(id.clone());
        self.acted_on = Some(acted_on);
        self.in_transition = in_transition.then(Instant::now);
        true
    }

    /// Records what a reconcile without an organization of its own has found.
    pub(super) fn wait_for(&mut self, wanted: Wanted, found: Option<Arc<Summary>>) {
        self.reported = false;
        self.acted_on = None;
        self.candidate = Some(Candidate { wanted, found });
    }

    /// Whether the object needs listings.
    pub(super) const fn is_served(&self) -> bool {
        self.id.is_some() || self.candidate.is_some()
    }

    /// Records what a read that was begun then shows of its organization. Returns whether that differs
    /// from what its reconcile acted on.
    pub(super) fn see(&mut self, snapshot: &Snapshot, begun: Instant) -> bool {
        let candidate = self.candidate.as_ref();
        let differs = candidate.is_some_and(|candidate| candidate.differs(snapshot));
        let Some(id) = &self.id else {
            return differs;
        };
        let found = snapshot.by_id(id);
        let now = self.id_missing.see(found, begun);
        let was_unconfirmed = self.is_missing();
        let confirmed = self.is_still_there(found, begun) && was_unconfirmed;
        let acted_on = self.acted_on.as_ref();
        differs || acted_on.is_some_and(|acted_on| *acted_on != now || confirmed)
    }

    /// Records a read of its organization. Returns whether it is confirmed to be still there although its
    /// deletion was accepted.
    pub(super) fn is_still_there(&mut self, found: Option<&Arc<Summary>>, begun: Instant) -> bool {
        let still_there = self.still_there.as_mut();
        still_there.is_some_and(|still_there| still_there.see(found, begun))
    }

    /// Whether this is the first change since its reconcile: only that one asks for another.
    pub(super) fn is_first_report(&mut self) -> bool {
        !std::mem::replace(&mut self.reported, true)
    }

    /// Whether its absence, or its presence after an accepted deletion, needs a second read.
    pub(super) fn is_missing(&self) -> bool {
        let is_absent = matches!(self.acted_on, Some(Presence::Absent { confirmed: false }));
        let still_there = self.still_there.as_ref();
        is_absent || still_there.is_some_and(StillThere::is_unconfirmed)
    }
}
