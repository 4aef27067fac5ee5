//! The one table: which operation failed how, and so what the condition says.

use super::{ErrorKind, Failure, Operation, Service};
use crate::{
    api::Reason,
    logic::{Region, text},
};

/// What follows where AWS is expected to answer soon.
const UNLESS_IT_LASTS: &str =
    "Nothing needs to be done unless this lasts: the operator retries automatically.";

impl Failure {
    /// The table: which operation failed how, in which region.
    #[must_use]
    pub fn of_call(operation: Operation, trouble: &ErrorKind, region: Option<&Region>) -> Self {
        Self::of_call_naming(&[], operation, trouble, region)
    }

    /// The same, where the names of the object are known: they stay in AWS's text, whatever they look
    /// like.
    #[must_use]
    pub fn of_call_naming(
        named: &[String],
        operation: Operation,
        trouble: &ErrorKind,
        region: Option<&Region>,
    ) -> Self {
        let failure = match trouble {
            ErrorKind::Throttled => Self::of(
                Reason::Throttled,
                format!(
                    "Nothing needs to be done unless this lasts: then find out what else calls {} in this \
                     account.",
                    operation.service().as_str()
                ),
                format!(
                    "AWS throttles {}, and the operator goes on more slowly.",
                    operation.as_str()
                ),
            ),
            ErrorKind::TimedOut => unavailable(operation, "did not answer in time", region),
            ErrorKind::Unreachable => unavailable(operation, "could not be reached", region),
            ErrorKind::ServerFault => unavailable(operation, "reported a fault of its own", region),
            ErrorKind::Undecodable => {
                unavailable(operation, "gave an answer that cannot be read", region)
            }
            ErrorKind::NoCredentials { said } => without_credentials(said.as_deref()),
            // A signature is made for a region: the credentials may be good.
            ErrorKind::Refused { .. }
                if trouble.rejects_credentials() && is_elsewhere(operation, region) =>
            {
                unavailable(
                    operation,
                    "does not accept the operator's signature",
                    region,
                )
            }
            ErrorKind::Refused { code, message } => {
                refused(operation, code, &text::of_aws(message, named))
            }
        };
        Self {
            read_failed: !operation.mutates(),
            ..failure
        }
    }
}

fn without_credentials(said: Option<&str>) -> Failure {
    let reason = Reason::CredentialsUnavailable;
    match said {
        None => Failure::of(
            reason,
            "Give the operator's pod a role (IRSA or EKS Pod Identity) or the AWS SDK's environment \
             variables.",
            "The operator found no AWS credentials.",
        ),
        Some(said) => Failure::of(
            reason,
            "Check the role of the operator's pod and the role's trust policy.",
            format!("The operator could not load its AWS credentials: {said}."),
        ),
    }
}

/// Whether the call went to a region that WorkMail is not known to be in. STS is asked in the region of
/// the operator or the account, whatever the object's.
fn is_elsewhere(operation: Operation, region: Option<&Region>) -> bool {
    operation.service() == Service::WorkMail && region.is_some_and(|region| !region.has_workmail())
}

fn unavailable(operation: Operation, what: &str, region: Option<&Region>) -> Failure {
    let service = operation.service().as_str();
    let next = match region.filter(|region| is_elsewhere(operation, Some(region))) {
        Some(region) => format!(
            "Check the region: WorkMail is not known to be in {region}, only in {}.",
            Region::WITH_WORKMAIL.join(", ")
        ),
        None => UNLESS_IT_LASTS.to_owned(),
    };
    Failure::of(
        Reason::ServiceUnavailable,
        next,
        format!("{service} {what} on {}.", operation.as_str()),
    )
}

impl ErrorKind {
    /// Whether AWS does not accept the credentials themselves. A right that they lack is none of it.
    #[must_use]
    pub fn rejects_credentials(&self) -> bool {
        match self {
            Self::Refused { code, .. } => begins(code, &UNAUTHENTICATED),
            Self::Throttled
            | Self::TimedOut
            | Self::Unreachable
            | Self::ServerFault
            | Self::Undecodable
            | Self::NoCredentials { .. } => false,
        }
    }
}

/// Codes that begin like this: the right is missing.
const FORBIDDEN: [&str; 3] = ["AccessDenied", "UnauthorizedOperation", "NotAuthorized"];
/// Codes that begin like this: the credentials themselves are not accepted.
const UNAUTHENTICATED: [&str; 7] = [
    "UnrecognizedClient",
    "InvalidClientTokenId",
    "ExpiredToken",
    "InvalidSignature",
    "SignatureDoesNotMatch",
    "MissingAuthenticationToken",
    "IncompleteSignature",
];

/// Codes that begin like this: the time of the request is too far from AWS's.
const CLOCK: [&str; 2] = ["RequestExpired", "RequestTimeTooSkewed"];

fn begins(code: &str, with: &[&str]) -> bool {
    with.iter().any(|start| code.starts_with(start))
}

fn refused(operation: Operation, code: &str, said: &str) -> Failure {
    let name = operation.as_str();
    if begins(code, &UNAUTHENTICATED) {
        // AWS's text is left out: it carries times and keys.
        return Failure::of(
            Reason::AccessDenied,
            "Renew the operator's credentials; if they are new, check the clock of its node.",
            format!("AWS does not accept the operator's credentials ({code} on {name})."),
        );
    }
    let reason = reason_of(operation, code);
    if reason == Reason::AliasUnavailable {
        // AWS's text says the same.
        return Failure::of(
            reason,
            "Create a new resource with another alias.",
            format!(
                "The alias is taken in another AWS account or region, or was used before: an alias of a \
                 deleted organization may never be free again ({code} on {name})."
            ),
        );
    }
    let detail = if said.is_empty() {
        format!("AWS refuses {name} ({code}).")
    } else {
        format!("AWS refuses {name} ({code}: {said}).")
    };
    let next = if reason == Reason::AccessDenied {
        allow(operation, said)
    } else if begins(code, &CLOCK) {
        "Check the clock of the operator's node.".to_owned()
    } else {
        next_step(reason, operation).to_owned()
    };
    Failure::of(reason, next, detail)
}

/// What to do about a right that is missing or denied. WorkMail acts with the caller's rights on other
/// services: the action that AWS's text names may be one of theirs.
fn allow(operation: Operation, said: &str) -> String {
    let (named, is_denied) = text::forbidden_action(said);
    let action = named.map_or_else(|| operation.action(), str::to_owned);
    if is_denied {
        return format!("Remove the explicit deny of {action} for the operator's role.");
    }
    if operation == Operation::AssumeRole {
        return TRUST.to_owned();
    }
    let others = if named.is_none() && operation == Operation::StartMailboxExportJob {
        " and iam:PassRole on the role of the destination"
    } else if named.is_none() && operation.service() == Service::S3 {
        " on the bucket, and kms:Decrypt and kms:GenerateDataKey on its key"
    } else if named.is_none() {
        "; WorkMail also acts with the caller's rights on ds, ses, kms and route53"
    } else {
        ""
    };
    format!("Allow {action} to the operator's role{others}.")
}

fn reason_of(operation: Operation, code: &str) -> Reason {
    if begins(code, &FORBIDDEN) {
        return Reason::AccessDenied;
    }
    match (operation, code) {
        (
            Operation::DeleteOrganization,
            "InvalidParameterException" | "ValidationException" | "OrganizationStateException",
        ) => Reason::DeletionBlocked,
        (
            Operation::CreateOrganization
            | Operation::TagResource
            | Operation::UntagResource
            | Operation::StartMailboxExportJob,
            "InvalidParameterException" | "ValidationException",
        ) => Reason::InvalidParameter,
        (
            Operation::RegisterMailDomain | Operation::DeregisterMailDomain,
            "MailDomainInUseException",
        ) => Reason::DomainInUse,
        (
            Operation::HeadObject | Operation::GetObject | Operation::PutObject,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "NoSuchBucket",
        ) => Reason::DestinationRefused,
        // The object was replaced while it was read: it is read anew.
        (Operation::GetObject, "PreconditionFailed") => Reason::ServiceUnavailable,
        (_, "MailDomainStateException") => Reason::DomainNotVerified,
        (
            Operation::RegisterMailDomain
            | Operation::DeregisterMailDomain
            | Operation::UpdateDefaultMailDomain,
            "InvalidParameterException"
            | "ValidationException"
            | "MailDomainInUseException"
            | "MailDomainNotFoundException"
            | "InvalidCustomSesConfigurationException",
        ) => Reason::DomainRefused,
        (Operation::CreateOrganization, "NameAvailabilityException") => Reason::AliasUnavailable,
        (_, "DirectoryInUseException") => Reason::DirectoryInUse,
        (_, "UnsupportedOperationException") => Reason::UnsupportedOperation,
        (_, "TooManyTagsException") => Reason::TooManyTags,
        (Operation::StartMailboxExportJob, "LimitExceededException") => Reason::ExportLimit,
        (_, "LimitExceededException") => Reason::LimitExceeded,
        (_, "DirectoryUnavailableException") => Reason::DirectoryUnavailable,
        (_, "OrganizationStateException") => Reason::OrganizationBusy,
        // The list had the organization a moment ago: one answer is no absence.
        (_, "OrganizationNotFoundException" | "ResourceNotFoundException") => {
            Reason::ServiceUnavailable
        }
        _ => Reason::UnexpectedError,
    }
}

/// What to do where a role cannot be assumed.
const TRUST: &str = "Allow the operator's role sts:AssumeRole, and have the account's role trust it with the external id.";

/// What to do about a refusal.
fn next_step(reason: Reason, operation: Operation) -> &'static str {
    match reason {
        Reason::DeletionBlocked => {
            "If it has enabled users, disable them, or set deletion.forceDelete and \
             deletion.confirmOrganizationId."
        }
        Reason::InvalidParameter if operation == Operation::StartMailboxExportJob => {
            "Check bucket, role and key of the destination, and that they are in the organization's \
             region."
        }
        Reason::DestinationRefused => {
            "Check that the bucket exists and is in the organization's region."
        }
        Reason::InvalidParameter => {
            "Correct the spec; a field that cannot be changed needs a new resource."
        }
        Reason::DomainInUse if operation == Operation::RegisterMailDomain => {
            "Remove the domain from the other organization of this AWS account, or from spec.domains."
        }
        Reason::DomainInUse => {
            "Move the addresses of users, groups and resources to another domain, or put this one back \
             into spec.domains."
        }
        Reason::DomainNotVerified => "Publish the records of status.domains.",
        Reason::DomainRefused => {
            "Check the domain in spec.domains and, where AWS's text speaks of them, its SES settings."
        }
        Reason::LimitExceeded if operation == Operation::RegisterMailDomain => {
            "Remove a domain that is not needed, or ask AWS for a higher quota."
        }
        Reason::LimitExceeded => {
            "Delete an organization that is not needed, or ask AWS for a higher quota."
        }
        Reason::DirectoryInUse => {
            "Create a new resource with another directoryId, or none: another organization uses the \
             directory."
        }
        Reason::UnsupportedOperation => {
            "Correct the spec: the organization's directory does not allow it."
        }
        Reason::TooManyTags => {
            "Remove some tags: AWS allows 50, those of the spec, 3 that mark ownership, and those of \
             others."
        }
        Reason::DirectoryUnavailable => {
            "Check that the directory exists and is in the organization's region."
        }
        Reason::UnexpectedError => "Look the error code up in AWS's documentation.",
        Reason::ServiceUnavailable
        | Reason::OrganizationBusy
        | Reason::AccessDenied
        | Reason::AliasUnavailable
        | Reason::AlreadyExists
        | Reason::Active
        | Reason::Suspended
        | Reason::EndOfService
        | Reason::Announced
        | Reason::Progressing
        | Reason::Requested
        | Reason::Creating
        | Reason::Deleting
        | Reason::Throttled
        | Reason::CredentialsUnavailable
        | Reason::AccountMismatch
        | Reason::AccountNotFound
        | Reason::AccountNotAllowed
        | Reason::Impaired
        | Reason::Inactive
        | Reason::UnknownState
        | Reason::ImmutableFieldDiffers
        | Reason::CreationFailed
        | Reason::OrganizationGone
        | Reason::OwnershipConflict
        | Reason::SchemaOutdated
        | Reason::NotFound
        | Reason::DriftFound
        | Reason::Verified
        | Reason::VerificationPending
        | Reason::VerificationFailed
        | Reason::Published
        | Reason::KindNotInstalled
        | Reason::NameTaken
        | Reason::Queued
        | Reason::Running
        | Reason::Completed
        | Reason::Gone
        | Reason::CanaryFailed
        | Reason::OrganizationChanged
        | Reason::MailboxExportedRecently
        | Reason::ExportLimit
        | Reason::Stuck
        | Reason::AttemptFailed
        | Reason::ExportFailed
        | Reason::Verifying
        | Reason::ReadFailed
        | Reason::SmallerThanMailbox
        | Reason::Unreadable
        | Reason::Missing
        | Reason::EncryptedOtherwise => UNLESS_IT_LASTS,
    }
}
