//! States of organizations and statuses of domains that sources name.

pub(crate) const REQUESTED: &str = "Requested";
pub(crate) const CREATING: &str = "Creating";
pub(crate) const ACTIVE: &str = "Active";
pub(crate) const IMPAIRED: &str = "Impaired";
pub(crate) const INACTIVE: &str = "Inactive";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const DELETING: &str = "Deleting";
pub(crate) const DELETED: &str = "Deleted";

/// A status of a domain that waits for its records.
pub(crate) const PENDING: &str = "PENDING";
pub(crate) const VERIFIED: &str = "VERIFIED";
/// A status of a domain, in another case than the state of an organization.
pub(crate) const FAILED_DOMAIN: &str = "FAILED";
