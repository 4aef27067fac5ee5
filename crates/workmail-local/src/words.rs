//! The states that sources name. The service's model has an open string here.

pub(crate) const REQUESTED: &str = "Requested";
pub(crate) const CREATING: &str = "Creating";
pub(crate) const ACTIVE: &str = "Active";
pub(crate) const IMPAIRED: &str = "Impaired";
pub(crate) const INACTIVE: &str = "Inactive";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const DELETING: &str = "Deleting";
pub(crate) const DELETED: &str = "Deleted";
