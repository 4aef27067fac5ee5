//! One vocabulary for condition reasons, event reasons and metric labels.

use std::fmt;

/// What a reason means for the object: whether somebody has to act, and whether we try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// All is as the spec says, or the object rests on purpose.
    Good,
    /// Work is under way and nothing is wrong.
    InProgress,
    /// A fault that is expected to pass; retried quickly, and no event is made of it.
    Transient,
    /// A fault that someone has to correct outside the spec; retried with a longer backoff.
    Recoverable,
    /// Nothing changes until the spec (or AWS) does; read again slowly.
    Terminal,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $word:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $word),+ }

        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word as it stands in conditions, events and labels.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The reason of `Ready`, and of `Reconciling` or `Stalled` beside it.
    Reason {
        /// The organization is Active and AWS matches the spec.
        Active,
        /// `spec.suspend` is true: no call is made.
        Suspended,
        /// The service has ended; nothing is changed or concluded any more.
        EndOfService,
        /// The end of the service is announced. Of `EndOfService` only.
        Announced,
        /// AWS was not read yet.
        Progressing,
        /// `CreateOrganization` was accepted.
        Requested,
        /// AWS is building the organization.
        Creating,
        /// `DeleteOrganization` was accepted, or is waiting for its turn.
        Deleting,
        /// A call was throttled.
        Throttled,
        /// AWS could not be reached, or its answer could not be used.
        ServiceUnavailable,
        /// AWS is changing the organization and takes no other change now.
        OrganizationBusy,
        /// An AWS quota is exhausted.
        LimitExceeded,
        /// The directory is gone, or in another region.
        DirectoryUnavailable,
        /// The credentials do not have the right.
        AccessDenied,
        /// No credentials were found.
        CredentialsUnavailable,
        /// The credentials are of another account than the organization's.
        AccountMismatch,
        /// The `WorkMailAccount` that is named, or needed, does not exist.
        AccountNotFound,
        /// The rule of the `WorkMailAccount` for the namespace does not allow it.
        AccountNotAllowed,
        /// AWS reports the organization as impaired.
        Impaired,
        /// AWS reports the organization as inactive.
        Inactive,
        /// AWS reports a state this version does not know.
        UnknownState,
        /// An error code this version does not know.
        UnexpectedError,
        /// AWS refuses a value of the spec.
        InvalidParameter,
        /// No organization has the alias or the id to adopt.
        NotFound,
        /// Under Observe: AWS differs from the spec. Of `Synced` only.
        DriftFound,
        /// Every domain of the spec is verified. Of `DomainsReady` only.
        Verified,
        /// A domain waits for its DNS records. Of `DomainsReady` only.
        VerificationPending,
        /// A domain was not verified in time. Of `DomainsReady` only.
        VerificationFailed,
        /// A domain is in use: by another organization, or by addresses.
        DomainInUse,
        /// A domain is not verified yet.
        DomainNotVerified,
        /// AWS refuses a domain.
        DomainRefused,
        /// The DNS records stand in the `DNSEndpoint`. Of `DNSEndpointReady` only.
        Published,
        /// The kind `DNSEndpoint` is not installed. Of `DNSEndpointReady` only.
        KindNotInstalled,
        /// Another `DNSEndpoint` has the name. Of `DNSEndpointReady` only.
        NameTaken,
        /// The alias is taken elsewhere, or was used before.
        AliasUnavailable,
        /// An organization of this account and region has the alias already.
        AlreadyExists,
        /// Another organization uses the directory.
        DirectoryInUse,
        /// The organization's directory does not allow the change.
        UnsupportedOperation,
        /// The organization would have more than 50 tags.
        TooManyTags,
        /// A field that cannot be changed differs from what AWS has.
        ImmutableFieldDiffers,
        /// AWS could not create the organization.
        CreationFailed,
        /// The organization was deleted by somebody else.
        OrganizationGone,
        /// Another resource or cluster owns the organization.
        OwnershipConflict,
        /// The installed definition of the kind lacks a field that this operator knows.
        SchemaOutdated,
        /// The deletion that was asked for is not done, for a reason that someone has to resolve.
        DeletionBlocked,
        /// An export waits for its turn.
        Queued,
        /// An export job runs.
        Running,
        /// The mailbox, or every mailbox of the organization, is exported.
        Completed,
        /// The user or resource left the directory.
        Gone,
        /// The bucket, the role or the key of an export cannot be used.
        DestinationRefused,
        /// The first mailbox of an organization export could not be exported.
        CanaryFailed,
        /// Another organization stands behind the reference of an export.
        OrganizationChanged,
        /// AWS exports a mailbox once in 24 hours.
        MailboxExportedRecently,
        /// AWS runs as many export jobs of the organization as it allows.
        ExportLimit,
        /// An export job has made no progress for long.
        Stuck,
        /// An attempt to export a mailbox failed, and another follows.
        AttemptFailed,
        /// Every attempt to export a mailbox failed.
        ExportFailed,
        /// The job is COMPLETED, and its export is being verified.
        Verifying,
        /// The export could not be read, which says nothing about it. Of `Verified` only.
        ReadFailed,
        /// The export is empty or much smaller than its mailbox. Of `Verified` only.
        SmallerThanMailbox,
        /// The export is no zip, or a damaged one. Of `Verified` only.
        Unreadable,
        /// The exported object does not exist. Of `Verified` only.
        Missing,
        /// The export is encrypted with another key than the spec names. Of `Verified` only.
        EncryptedOtherwise,
    }
}

impl Reason {
    /// The class of this reason. Total: a new reason does not compile until it has one.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Active
            | Self::Suspended
            | Self::EndOfService
            | Self::Announced
            | Self::DriftFound
            | Self::Verified
            | Self::Published
            | Self::Completed
            | Self::Gone => Class::Good,
            Self::Progressing
            | Self::Requested
            | Self::Creating
            | Self::Deleting
            | Self::VerificationPending
            | Self::Queued
            | Self::Running
            | Self::Verifying => Class::InProgress,
            Self::Throttled
            | Self::ServiceUnavailable
            | Self::OrganizationBusy
            | Self::ReadFailed => Class::Transient,
            Self::LimitExceeded
            | Self::DirectoryUnavailable
            | Self::AccessDenied
            | Self::CredentialsUnavailable
            | Self::AccountMismatch
            | Self::Impaired
            | Self::Inactive
            | Self::UnknownState
            | Self::UnexpectedError
            | Self::NotFound
            | Self::VerificationFailed
            | Self::DomainNotVerified
            | Self::DomainRefused
            | Self::KindNotInstalled
            | Self::NameTaken
            | Self::MailboxExportedRecently
            | Self::ExportLimit
            | Self::Stuck
            | Self::AttemptFailed
            | Self::SmallerThanMailbox
            | Self::Unreadable
            | Self::Missing
            | Self::EncryptedOtherwise => Class::Recoverable,
            Self::InvalidParameter
            | Self::AccountNotFound
            | Self::AccountNotAllowed
            | Self::DomainInUse
            | Self::AliasUnavailable
            | Self::AlreadyExists
            | Self::DirectoryInUse
            | Self::UnsupportedOperation
            | Self::TooManyTags
            | Self::ImmutableFieldDiffers
            | Self::CreationFailed
            | Self::OrganizationGone
            | Self::OwnershipConflict
            | Self::SchemaOutdated
            | Self::DeletionBlocked
            | Self::DestinationRefused
            | Self::CanaryFailed
            | Self::OrganizationChanged
            | Self::ExportFailed => Class::Terminal,
        }
    }
}

words! {
    /// The reason of an event that no condition carries: of every event of type Normal, and of two
    /// Warnings.
    EventReason {
        /// The organization became Active and Synced.
        Active,
        /// An existing organization was adopted, or found again by its tags.
        Adopted,
        /// Under Observe: AWS differs from the spec, in something new.
        DriftFound,
        /// The default mail domain was changed.
        DefaultDomainChanged,
        /// A mail domain was registered.
        DomainRegistered,
        /// A mail domain was deregistered.
        DomainDeregistered,
        /// Somebody changed the organization, and it is again as the spec says.
        DriftMended,
        /// The resource is gone; the organization stays in AWS.
        Retained,
        /// The resource is gone; there never was an organization.
        Released,
        /// The organization was deleted in AWS.
        Deleted,
        /// The organization's directory stays in AWS and may be billed.
        DirectoryLeft,
        /// Type Warning: AWS accepted the deletion of the organization.
        DeletionStarted,
        /// Type Warning: Retain, suspend or Observe came after AWS had accepted the deletion.
        TooLate,
        /// Type Warning: `deletion.requireExport` was removed.
        ExportGateRemoved,
        /// Every mailbox of an organization export is exported.
        ExportCompleted,
        /// Type Warning: by the rate so far an organization export ends after its deadline.
        DeadlineAtRisk,
    }
}
