//! The one value that everything is decided from.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ClusterIdentity, Desired, DomainFacts, MailDomain, Memory, ObjectKey, Observed, OrganizationId,
    OrganizationState, Presence, Region, SaveAs, Shown, Summary, Verdict, decide::hides,
};
use crate::{
    api::{ConditionStatus, ConditionType, ManagementPolicy},
    logic::{account::Access, gate::Rule},
};

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
    /// The generation the status speaks of; `None` before the first reconcile.
    pub observed_generation: Option<i64>,
    /// The request for a full read that was last handled.
    pub handled: Option<String>,
    /// What was seen in this reconcile.
    pub observed: Observed,
    /// Facts of time and of this process.
    pub facts: Facts,
    /// The object of this cluster that works on the organization instead of this one.
    pub competitor: Option<ObjectKey>,
}

/// What the served definition of the kind has of the fields that this binary knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Schema {
    /// All of them.
    #[default]
    Complete,
    /// All but these: what objects hold in them is stored and not shown, and lost with the next write.
    Lacks(BTreeSet<String>),
    /// It could not be read yet.
    Unread,
}

/// Facts that neither the object nor AWS holds, as booleans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact of time; together they are no state machine"
)]
pub struct Facts {
    /// What the served definition of the kind has.
    pub schema: Schema,
    /// With which account the object works, and what that allows.
    pub access: Access,
    /// A deep resync is due.
    pub full_read_due: bool,
    /// The organization was created less than 15 minutes ago.
    pub young: bool,
    /// The failure of the accepted deletion was reported about an hour ago, or under another spec:
    /// it may be asked for again.
    pub delete_again: bool,
    /// The pending call was recorded 15 minutes ago or more.
    pub pending_expired: bool,
    /// Every earlier attempt at the pending create is known to have been answered. A process that
    /// has just started does not know.
    pub attempts_answered: bool,
    /// Tags that name this object may be a claim of our own that has not stood its test: it is read
    /// again 5 s after it was written.
    pub unproven_claim: bool,
    /// The consent to take over has changed since the last full read, so that it was not used yet. A
    /// consent is used once.
    pub new_consent: bool,
    /// This spec was Ready before: what differs now was changed outside the operator.
    pub was_in_sync: bool,
    /// The domains whose verification is waited for are to be read again.
    pub domains_due: bool,
    /// The domains whose verification has been waited for for 72 hours.
    pub overdue_domains: BTreeSet<String>,
    /// Reads have failed for 15 minutes or more.
    pub unreachable_for_long: bool,
    /// The service has ended.
    pub ended: bool,
    /// The last day of the service, as it stands in messages.
    pub end_of_service: String,
    /// The days that are left until then.
    pub days_left: i64,
    /// Whether the spec, `suspend` aside, says something else than when it was last applied. `None` where
    /// this process has not seen it applied.
    pub spec_changed: Option<bool>,
}

impl View {
    /// The organization's id, if one is remembered.
    #[must_use]
    pub const fn id(&self) -> Option<&OrganizationId> {
        self.memory.organization_id.as_ref()
    }

    /// The organization to read: the object's own, else the one that is to be adopted.
    #[must_use]
    pub fn wanted_id(&self) -> Option<&OrganizationId> {
        self.id().or(self.desired.organization_id.as_ref())
    }

    /// The organization that the status shows: the object's own, else the one that was found.
    #[must_use]
    pub fn shown_id(&self) -> Option<&OrganizationId> {
        self.id().or(self.shown.seen.as_ref())
    }

    /// The organization that the spec names while the object has none: by its id, else by its alias.
    /// Deleted ones do not count, nor those that the account's rule hides.
    #[must_use]
    pub fn candidate(&self) -> Option<&Summary> {
        self.named().filter(|row| hides(self, row).is_none())
    }

    /// The organization that the spec names, whether or not the account's rule lets the object read it.
    pub(super) fn named(&self) -> Option<&Summary> {
        let listing = self.observed.listing.as_ref()?;
        let found = if self.desired.organization_id.is_some() {
            listing.by_id.as_ref()?
        } else {
            &listing.by_alias
        };
        match found {
            Presence::Present(row) if row.state != OrganizationState::Deleted => Some(row),
            Presence::Present(_) | Presence::Absent { .. } => None,
        }
    }

    /// What has to be exported before the organization is deleted, by the spec or by the account.
    #[must_use]
    pub fn gate(&self) -> Option<Rule> {
        let of_spec = self.desired.gate.as_ref();
        if self.is_gated_by_account() {
            Some(Rule::of_account(of_spec))
        } else {
            of_spec.cloned()
        }
    }

    /// Whether the account requires exports, whatever the spec says.
    pub(super) fn is_gated_by_account(&self) -> bool {
        let granted = self.facts.access.granted();
        granted.is_some_and(|(.., rule)| rule.require_export)
    }

    /// Whether nothing is to be changed in AWS.
    #[must_use]
    pub fn observes(&self) -> bool {
        self.desired.management == ManagementPolicy::Observe
    }

    /// The region the object is in: frozen once anything was done, else the one it asks for.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.memory.region.as_ref().or(self.desired.region.as_ref())
    }

    /// The tags that the organization should have besides the ownership tags: the spec's, and over them
    /// the account's.
    #[must_use]
    pub fn wanted_tags(&self) -> BTreeMap<String, String> {
        let of_account = self.facts.access.tags().into_iter().flatten();
        let mut tags = self.desired.tags.clone();
        tags.extend(of_account.map(|(key, value)| (key.clone(), value.clone())));
        tags
    }

    /// Whether a call may still be made that was decided under this definition of the kind and this
    /// account.
    #[must_use]
    pub fn is_decided_under(&self, schema: &Schema, access: &Access) -> bool {
        self.facts.schema == *schema && self.facts.access == *access
    }

    /// Whether a full read was asked for by annotation and is not done.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.desired.requested.is_some() && self.desired.requested != self.handled
    }

    /// Whether the status says Ready for this generation.
    #[must_use]
    pub fn was_ready(&self) -> bool {
        self.observed_generation == Some(self.desired.generation)
            && self.condition(ConditionType::Ready) == Some(ConditionStatus::True)
    }

    /// Whether everything has to be read, not just the listing.
    #[must_use]
    pub fn needs_full_read(&self) -> bool {
        self.facts.full_read_due || self.facts.new_consent || self.requested() || !self.was_ready()
    }

    /// Whether the recorded create has another input than the spec would give it now. What AWS refuses of
    /// it says nothing of the spec.
    pub(super) fn has_older_create(&self) -> bool {
        let pending = self.memory.pending_create();
        let input = pending.map(|pending| pending.input.clone().unwrap_or_default());
        input.is_some_and(|input| input != self.desired.input)
    }

    /// What the mail domains are compared with.
    pub(super) fn domain_facts<'a>(
        &'a self,
        actual: &'a BTreeMap<String, MailDomain>,
    ) -> DomainFacts<'a> {
        DomainFacts {
            actual,
            managed: &self.memory.managed_domains,
            registered: &self.observed.registered,
            refused: &self.observed.refused_domains,
        }
    }

    /// What must be written before anything else is done.
    #[must_use]
    pub fn unsaved(&self) -> Option<SaveAs> {
        let (now, saved) = (&self.memory, &self.saved);
        let intends = now.account.is_some() && now.account_name != saved.account_name
            || now.pending.is_some() && now.pending != saved.pending
            || !now.managed_tag_keys.is_subset(&saved.managed_tag_keys)
            || !now.managed_domains.is_subset(&saved.managed_domains)
            || now.organization_id.is_none()
                && (now.account.is_some() && now.account != saved.account
                    || now.region.is_some() && now.region != saved.region);
        let accepted = now.deletion_accepted.is_some();
        let answered = now.organization_id != saved.organization_id
            || now.origin != saved.origin
            || accepted && now.deletion_accepted != saved.deletion_accepted;
        if intends {
            Some(SaveAs::Intent)
        } else if answered {
            Some(SaveAs::Answer)
        } else {
            None
        }
    }

    /// Whether something is to be remembered that cannot be read again if it is lost: what AWS answered
    /// to a change. Whom the tags name can be, and exports can be checked again.
    #[must_use]
    pub fn has_unsaved_answer(&self) -> bool {
        let saved = Memory {
            owner: self.memory.owner.clone(),
            gated: self.memory.gated,
            sweep: self.memory.sweep.clone(),
            ..self.saved.clone()
        };
        self.memory != saved
    }

    /// The status of one of the conditions of the status.
    pub(super) fn condition(&self, kind: ConditionType) -> Option<ConditionStatus> {
        Verdict::of(&self.previous, kind).map(|verdict| verdict.status)
    }
}
