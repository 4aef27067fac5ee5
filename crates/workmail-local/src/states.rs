//! The states of organizations and the statuses of mail domains that AWS documents.

pub(crate) const REQUESTED: &str = "Requested";
pub(crate) const CREATING: &str = "Creating";
pub(crate) const ACTIVE: &str = "Active";
pub(crate) const IMPAIRED: &str = "Impaired";
pub(crate) const INACTIVE: &str = "Inactive";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const DELETING: &str = "Deleting";
pub(crate) const DELETED: &str = "Deleted";

/// The status of a domain whose DNS records SES has not seen yet.
pub(crate) const PENDING: &str = "PENDING";
pub(crate) const VERIFIED: &str = "VERIFIED";
/// The status of a domain whose verification has failed. `FAILED` is the state of an organization.
pub(crate) const VERIFICATION_FAILED: &str = "FAILED";
