//! The organization that is exported: which exports may be begun there.

use super::{AccountId, Failure, OrganizationId, Region};
use crate::api::Reason;

/// What the cache has of the `WorkMailOrganization` that an export names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the object has it"
)]
pub struct SourceFacts {
    /// Its id in AWS.
    pub id: Option<OrganizationId>,
    /// Its account.
    pub account: Option<AccountId>,
    /// Its region.
    pub region: Option<Region>,
    /// `status.origin` says that it is this resource's.
    pub has_origin: bool,
    /// Its state is Active.
    pub is_active: bool,
    /// Its managementPolicy is Full.
    pub is_full: bool,
    /// It is suspended.
    pub is_suspended: bool,
    /// AWS has accepted its deletion.
    pub is_deleted: bool,
}

/// An organization whose mailboxes may be exported, as far as the cluster knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Its id in AWS.
    pub id: OrganizationId,
    /// Its account.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
}

/// Returns the organization if exports may be begun there; `name` is that of its resource. Its tags are
/// read before each start besides.
///
/// # Errors
/// What stands in the way, with the next step.
pub fn source(name: &str, facts: Option<&SourceFacts>) -> Result<Source, Failure> {
    let refused = |reason, next: String, detail: &str| Err(Failure::of(reason, next, detail));
    let Some(facts) = facts else {
        return refused(
            Reason::NotFound,
            format!(
                "Create WorkMailOrganization {name} in this namespace, or correct organizationRef."
            ),
            "There is none of that name.",
        );
    };
    if !facts.is_full {
        return refused(
            Reason::OwnershipConflict,
            format!("Set managementPolicy of WorkMailOrganization {name} to Full."),
            "What is only observed is not exported.",
        );
    }
    let (Some(id), Some(account), Some(region), true) =
        (&facts.id, &facts.account, &facts.region, facts.has_origin)
    else {
        return refused(
            Reason::NotFound,
            format!("Wait until WorkMailOrganization {name} is Ready, or see its conditions."),
            "It has no organization of its own yet.",
        );
    };
    if facts.is_deleted || !facts.is_active {
        return refused(
            Reason::OrganizationBusy,
            format!("See the conditions of WorkMailOrganization {name}."),
            "Only an Active organization can be exported, and this one is not.",
        );
    }
    Ok(Source {
        id: id.clone(),
        account: account.clone(),
        region: region.clone(),
    })
}
