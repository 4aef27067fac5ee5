//! The one value that everything is decided from.

use super::{
    ClusterIdentity, Desired, Memory, ObjectKey, Observed, OrganizationId, Region, SaveAs, Shown,
    Verdict,
};
use crate::api::{ConditionStatus, ConditionType};

/// All that `decide` and `report` know: what is wanted, what is remembered, what was seen, and the
/// facts of time and process that bear on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// What the user wants.
    pub desired: Desired,
    /// The names of this cluster.
    pub cluster: ClusterIdentity,
    /// What is to be remembered.
    pub memory: Memory,
    /// What the API server remembers.
    pub saved: Memory,
    /// What the status shows of the organization.
    pub shown: Shown,
    /// The conditions of the status.
    pub previous: Vec<Verdict>,
    /// The generation the status speaks of; `None` before the first look.
    pub observed_generation: Option<i64>,
    /// The request for a whole look that was last fulfilled.
    pub handled: Option<String>,
    /// What was seen in this reconcile.
    pub observed: Observed,
    /// Facts of time and of this process.
    pub facts: Facts,
    /// The object of this cluster that works on the organization instead of this one.
    pub rival: Option<ObjectKey>,
}

/// Facts that neither the object nor AWS holds, as booleans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact of time; together they are no state machine"
)]
pub struct Facts {
    /// A deep resync is due.
    pub whole_look_due: bool,
    /// The organization became ours less than 15 minutes ago.
    pub young: bool,
    /// The pending call was recorded 15 minutes ago or more.
    pub pending_expired: bool,
    /// Every earlier attempt at the pending create is known to have been answered. A process that
    /// has just started does not know.
    pub attempts_answered: bool,
    /// AWS was seen to be at work on the organization so recently that nobody can have claimed it for
    /// good: tags can be written only once it is Active, and a claim is read again 5 s later.
    pub untagged: bool,
    /// Looking has failed for 15 minutes or more.
    pub blind_for_long: bool,
    /// The service has ended.
    pub ended: bool,
    /// The last day of the service, as it stands in messages.
    pub end_of_service: String,
}

impl View {
    /// The organization's id, if one is remembered.
    #[must_use]
    pub const fn id(&self) -> Option<&OrganizationId> {
        self.memory.organization_id.as_ref()
    }

    /// The region the object is in: frozen once anything was done, else the one it asks for.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.memory.region.as_ref().or(self.desired.region.as_ref())
    }

    /// Whether a whole look was asked for by annotation and is not done.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.desired.requested.is_some() && self.desired.requested != self.handled
    }

    /// Whether the status says Ready for this very generation.
    #[must_use]
    pub fn was_ready(&self) -> bool {
        self.observed_generation == Some(self.desired.generation)
            && self.condition(ConditionType::Ready) == Some(ConditionStatus::True)
    }

    /// Whether everything has to be looked at, not just the list.
    #[must_use]
    pub fn look_is_whole(&self) -> bool {
        self.facts.whole_look_due || self.requested() || !self.was_ready()
    }

    /// What must be written before anything else is done.
    #[must_use]
    pub fn unsaved(&self) -> Option<SaveAs> {
        let (now, saved) = (&self.memory, &self.saved);
        let intends = now.pending.is_some() && now.pending != saved.pending
            || !now.managed_tag_keys.is_subset(&saved.managed_tag_keys);
        let answered = now.organization_id != saved.organization_id || now.origin != saved.origin;
        if intends {
            Some(SaveAs::Intent)
        } else if answered {
            Some(SaveAs::Answer)
        } else {
            None
        }
    }

    /// The status of one of the conditions of the status.
    pub(super) fn condition(&self, kind: ConditionType) -> Option<ConditionStatus> {
        self.previous
            .iter()
            .find(|verdict| verdict.kind == kind)
            .map(|verdict| verdict.status)
    }
}
