//! One object, and what its last reconcile acted on.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    aws::snapshot::{Missing, Snapshot},
    core::{OrganizationId, Presence, Summary},
};

#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) id: Option<OrganizationId>,
    acted_on: Option<Presence<Arc<Summary>>>,
    /// Since when it waits for AWS to finish something.
    pub(super) in_transition: Option<Instant>,
    told: bool,
    pub(super) id_missing: Missing,
    pub(super) alias_missing: Missing,
}

impl Followed {
    /// Follows this organization from now on. If it was another, what was known of that one is
    /// forgotten; gives since when it was in transition.
    pub(super) fn becomes(&mut self, id: Option<&OrganizationId>) -> Option<Instant> {
        if self.id.as_ref() == id {
            return None;
        }
        self.id = id.cloned();
        self.id_missing = Missing::default();
        self.acted_on = None;
        self.in_transition.take()
    }

    /// Takes in what a reconcile acted on. Whether that is new.
    pub(super) fn act_on(
        &mut self,
        id: &OrganizationId,
        acted_on: Presence<Arc<Summary>>,
        in_transition: bool,
    ) -> bool {
        self.told = false;
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

    /// Takes in what a look that was begun then shows of its organization. Whether that is other than
    /// what its reconcile acted on.
    pub(super) fn look(&mut self, snapshot: &Snapshot, begun: Instant) -> bool {
        let Some(id) = &self.id else {
            return false;
        };
        let now = self.id_missing.look(snapshot.by_id(id), begun);
        self.acted_on
            .as_ref()
            .is_some_and(|acted_on| *acted_on != now)
    }

    /// Tells its reconcile, once.
    pub(super) fn tell(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// Absent, and not known to be gone.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.acted_on, Some(Presence::Absent { confirmed: false }))
    }
}
