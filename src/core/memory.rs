//! What the status remembers: the durable part that decisions rest on, and what it merely shows.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;

use super::{AccountId, Organization, OrganizationId, OrganizationState, Region, Summary};
use crate::api::{Origin, Pending, PendingOperation, WorkMailOrganizationStatus};

/// What must outlive a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The organization's id.
    pub organization_id: Option<OrganizationId>,
    /// What makes the organization ours.
    pub origin: Option<Origin>,
    /// When the create was answered, or the organization found.
    pub created_at: Option<Timestamp>,
    /// The account it is in.
    pub account: Option<AccountId>,
    /// The region it is in.
    pub region: Option<Region>,
    /// A call that may have been made.
    pub pending: Option<Pending>,
    /// The tag keys that we wrote first.
    pub managed_tag_keys: BTreeSet<String>,
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
}

impl Shown {
    /// Whether a row of the list says something else than what is shown.
    #[must_use]
    pub fn differs_from(&self, summary: &Summary) -> bool {
        self.state.as_ref() != Some(&summary.state)
            || self.default_domain != summary.default_domain
            || self.error_message != summary.error_message
    }

    /// Takes over what the list says.
    pub fn see_summary(&mut self, summary: &Summary) {
        self.state = Some(summary.state.clone());
        if summary.state.in_transition() {
            // The rest is not settled, and would cost a write of its own.
            return;
        }
        self.default_domain.clone_from(&summary.default_domain);
        self.error_message.clone_from(&summary.error_message);
    }

    /// Takes over what the description says.
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

/// Reads both parts out of a status.
#[must_use]
pub fn remembered(status: &WorkMailOrganizationStatus) -> (Memory, Shown) {
    let WorkMailOrganizationStatus {
        observed_generation: _,
        organization_id,
        origin,
        created_at,
        arn,
        account_id,
        region,
        state,
        error_message,
        directory_id,
        directory_type,
        default_domain,
        completed_date,
        migration_admin,
        interoperability_enabled,
        pending,
        managed_tag_keys,
        last_handled_reconcile_at: _,
        conditions: _,
    } = status;
    let memory = Memory {
        organization_id: organization_id.as_deref().map(OrganizationId::from),
        origin: *origin,
        created_at: *created_at,
        account: account_id.as_deref().map(AccountId::from),
        region: region.as_deref().map(Region::from),
        pending: pending.clone(),
        managed_tag_keys: managed_tag_keys.iter().cloned().collect(),
    };
    let shown = Shown {
        state: state.as_deref().map(OrganizationState::from),
        error_message: error_message.clone(),
        arn: arn.clone(),
        directory_id: directory_id.clone(),
        directory_type: directory_type.clone(),
        default_domain: default_domain.clone(),
        completed_date: *completed_date,
        migration_admin: migration_admin.clone(),
        interoperability_enabled: *interoperability_enabled,
    };
    (memory, shown)
}
