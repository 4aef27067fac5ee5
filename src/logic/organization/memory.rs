//! What the status records: the durable memory that decisions rest on, and what is only displayed.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use super::{
    AccountId, Difference, MailDomain, Organization, OrganizationId, OrganizationState, Region,
    Summary,
};
use crate::{
    api::{Omitted, Origin, Pending, PendingOperation, SeenOwner},
    logic::gate::Sweep,
};

/// What must outlive a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The organization's id: there exactly with `origin`. An organization that was only seen has no origin.
    pub organization_id: Option<OrganizationId>,
    /// How the object got the organization.
    pub origin: Option<Origin>,
    /// When the create was answered, or the organization of a pending create found.
    pub created_at: Option<Timestamp>,
    /// The account it is in.
    pub account: Option<AccountId>,
    /// The `WorkMailAccount` that was used for it.
    pub account_name: Option<String>,
    /// The region it is in.
    pub region: Option<Region>,
    /// A call that may have been made.
    pub pending: Option<Pending>,
    /// When AWS accepted the deletion of the organization.
    pub deletion_accepted: Option<Timestamp>,
    /// Whom the ownership tags named when they were last read; `None` if they never were.
    pub owner: Option<SeenOwner>,
    /// The tag keys that we wrote first.
    pub managed_tag_keys: BTreeSet<String>,
    /// The domains that we registered, or that went along with our create.
    pub managed_domains: BTreeSet<String>,
    /// The spec asked for exports before a deletion when it was last seen.
    pub gated: bool,
    /// How many exports were checked once more, and found right.
    pub sweep: Option<Sweep>,
}

impl Memory {
    /// The recorded intent of a create.
    #[must_use]
    pub fn pending_create(&self) -> Option<&Pending> {
        self.pending
            .as_ref()
            .filter(|pending| pending.operation == PendingOperation::CreateOrganization)
    }

    /// The recorded intent of the deletion of this very organization.
    #[must_use]
    pub fn pending_delete(&self) -> Option<&Pending> {
        self.pending.as_ref().filter(|pending| {
            pending.operation == PendingOperation::DeleteOrganization
                && self
                    .organization_id
                    .as_ref()
                    .is_some_and(|id| id.as_str() == pending.target)
        })
    }
}

/// What the status shows of the organization, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shown {
    /// An organization that is not this object's and was only seen.
    pub seen: Option<OrganizationId>,
    /// Its state.
    pub state: Option<OrganizationState>,
    /// AWS's own message.
    pub error_message: Option<String>,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its directory.
    pub directory_id: Option<String>,
    /// The kind of directory.
    pub directory_type: Option<String>,
    /// Its default mail domain.
    pub default_domain: Option<String>,
    /// When it became usable.
    pub completed_date: Option<Timestamp>,
    /// The user that migrates mailboxes into it.
    pub migration_admin: Option<String>,
    /// Interoperability with Microsoft Exchange.
    pub interoperability_enabled: Option<bool>,
    /// Its mail domains, and those that are about to be registered.
    pub domains: BTreeMap<String, ShownDomain>,
    /// Where AWS differs from the spec.
    pub drift: Vec<Difference>,
    /// What Full would call.
    pub planned_calls: Vec<String>,
    /// How much of these lists the status has no room for.
    pub omitted: Omitted,
}

/// A mail domain as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShownDomain {
    /// What AWS says of it; `None` before it was seen.
    pub domain: Option<MailDomain>,
    /// Since when its verification is waited for.
    pub pending_since: Option<Timestamp>,
    /// How many records the status has no room for: then it has none of the domain's.
    pub records_omitted: u32,
}

impl Shown {
    /// Whether a row of the listing differs from what is displayed.
    #[must_use]
    pub fn differs_from(&self, summary: &Summary) -> bool {
        self.state.as_ref() != Some(&summary.state)
            || self.default_domain != summary.default_domain
            || self.error_message != summary.error_message
    }

    /// The domains whose verification is waited for.
    #[must_use]
    pub fn pending_domains(&self) -> BTreeSet<String> {
        let is_pending = |shown: &ShownDomain| {
            let domain = shown.domain.as_ref();
            domain.is_some_and(MailDomain::is_pending)
        };
        let pending = self.domains.iter().filter(|(_, shown)| is_pending(shown));
        pending.map(|(name, _)| name.clone()).collect()
    }

    /// Displays a row of the listing.
    pub fn see_summary(&mut self, summary: &Summary) {
        self.state = Some(summary.state.clone());
        if summary.state.in_transition() {
            // The other fields are not settled, and would cost a write of their own.
            return;
        }
        self.default_domain.clone_from(&summary.default_domain);
        self.error_message.clone_from(&summary.error_message);
    }

    /// Displays a description.
    pub fn see(&mut self, organization: &Organization) {
        let Organization {
            summary,
            arn,
            directory_id,
            directory_type,
            completed_date,
            migration_admin,
            interoperability_enabled,
        } = organization;
        self.see_summary(summary);
        self.arn.clone_from(arn);
        self.directory_id.clone_from(directory_id);
        self.directory_type.clone_from(directory_type);
        self.completed_date = *completed_date;
        self.migration_admin.clone_from(migration_admin);
        self.interoperability_enabled = *interoperability_enabled;
    }
}
