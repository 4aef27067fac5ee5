//! When an object is looked at again: one exhaustive function of the reason.

use std::time::Duration;

use super::Failure;
use crate::api::Reason;

/// How the next look is timed. Jitter is the driver's: full for a backoff, 20 % for slow looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// When the list shows a change, and at the next deep resync.
    OnChange,
    /// After a delay that doubles from `first` to `most` while the same trouble lasts.
    Backoff {
        /// The bound of the first delay.
        first: Duration,
        /// The bound of every delay.
        most: Duration,
    },
    /// Once, no sooner than this.
    In(Duration),
    /// About every hour, until the spec changes.
    Slowly,
    /// Not at all, until the object changes.
    Never,
}

pub(super) const fn backoff(first: u64, most: u64) -> Retry {
    Retry::Backoff {
        first: Duration::from_secs(first),
        most: Duration::from_secs(most),
    }
}

impl Retry {
    /// The base of a slow look; the driver spreads it by 20 %.
    pub const SLOW: Duration = Duration::from_hours(1);

    /// After a claim by tag, the tags are read again this much later.
    pub const PROOF: Duration = Duration::from_secs(5);

    /// The timing after a failure.
    #[must_use]
    pub fn after_failure(failure: &Failure) -> Self {
        match failure.reason {
            Reason::Throttled | Reason::ServiceUnavailable => backoff(1, 60),
            Reason::OrganizationBusy => backoff(5, 60),
            // Nothing is known to be in its way: the tags could not be read just now.
            Reason::DeletionBlocked if failure.read_failed => backoff(5, 60),
            Reason::LimitExceeded
            | Reason::DirectoryUnavailable
            | Reason::AccessDenied
            | Reason::CredentialsUnavailable
            | Reason::AccountMismatch
            | Reason::UnexpectedError
            | Reason::NotFound
            | Reason::DomainNotVerified
            | Reason::DomainRefused
            | Reason::KindNotInstalled
            | Reason::NameTaken => backoff(30, 15 * 60),
            Reason::InvalidParameter
            | Reason::AliasUnavailable
            | Reason::DirectoryInUse
            | Reason::UnsupportedOperation
            | Reason::TooManyTags
            | Reason::ImmutableFieldDiffers
            | Reason::CreationFailed
            | Reason::OrganizationGone
            | Reason::OwnershipConflict
            | Reason::DomainInUse
            | Reason::DeletionBlocked => Self::Slowly,
            Reason::Impaired
            | Reason::Inactive
            | Reason::UnknownState
            | Reason::Active
            | Reason::DriftFound
            | Reason::Verified
            | Reason::VerificationPending
            | Reason::VerificationFailed
            | Reason::Published
            | Reason::Progressing
            | Reason::Requested
            | Reason::Creating
            | Reason::Deleting => Self::OnChange,
            Reason::SchemaOutdated if failure.read_failed => backoff(1, 60),
            // A change of the definition is watched for.
            Reason::Suspended | Reason::EndOfService | Reason::SchemaOutdated => Self::Never,
        }
    }
}
