//! The one table: which operation failed how, and so what the condition says.

use super::{ErrorKind, Failure, Operation, text};
use crate::{api::Reason, logic::Region};

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
        let (reason, message) = match trouble {
            ErrorKind::Throttled => (
                Reason::Throttled,
                format!(
                    "AWS throttles {}; the operator goes on where it was, more slowly. If this lasts, find out what else calls Amazon WorkMail in this account.",
                    operation.as_str()
                ),
            ),
            ErrorKind::TimedOut => unavailable(operation, "did not answer in time", region),
            ErrorKind::Unreachable => unavailable(operation, "could not be reached", region),
            ErrorKind::ServerFault => unavailable(operation, "reported a fault of its own", region),
            ErrorKind::Undecodable => {
                unavailable(operation, "gave an answer that cannot be read", region)
            }
            ErrorKind::NoCredentials => (
                Reason::CredentialsUnavailable,
                "The operator found no AWS credentials. Give its pod a role (IRSA or EKS Pod \
                 Identity) or the AWS SDK's environment variables; it tries again by itself."
                    .to_owned(),
            ),
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
                refused(operation, code, &text::steady(message, named))
            }
        };
        Self {
            reason,
            message,
            read_failed: !operation.mutates(),
        }
    }
}

/// Whether the call went to a region that WorkMail is not known to be in. STS is asked in the operator's
/// own region, whatever the object's.
fn is_elsewhere(operation: Operation, region: Option<&Region>) -> bool {
    operation != Operation::GetCallerIdentity && region.is_some_and(|region| !region.has_workmail())
}

fn unavailable(operation: Operation, what: &str, region: Option<&Region>) -> (Reason, String) {
    let service = operation.service().as_str();
    let next = match region {
        Some(region) if is_elsewhere(operation, Some(region)) => format!(
            "WorkMail is not known to be in region {region}, only in {}: check the region.",
            Region::WITH_WORKMAIL.join(", ")
        ),
        Some(_) | None => "It is tried again; nothing needs to be done unless this lasts.".into(),
    };
    (
        Reason::ServiceUnavailable,
        format!("{service} {what} on {}. {next}", operation.as_str()),
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
            | Self::NoCredentials => false,
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

fn begins(code: &str, with: &[&str]) -> bool {
    with.iter().any(|start| code.starts_with(start))
}

fn refused(operation: Operation, code: &str, said: &str) -> (Reason, String) {
    let name = operation.as_str();
    if begins(code, &UNAUTHENTICATED) {
        // AWS's text is left out: it carries times and keys.
        let message = format!(
            "AWS does not accept the operator's credentials ({code} on {name}). Renew them, and \
             check the clock of the node if they are new."
        );
        return (Reason::AccessDenied, message);
    }
    let because = if said.is_empty() {
        format!("AWS refuses {name} ({code}).")
    } else {
        format!("AWS refuses {name} ({code}: {said}).")
    };
    let reason = reason_of(operation, code);
    (
        reason,
        format!("{because} {}", next_step(reason, operation)),
    )
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
            Operation::CreateOrganization | Operation::TagResource | Operation::UntagResource,
            "InvalidParameterException" | "ValidationException",
        ) => Reason::InvalidParameter,
        (
            Operation::RegisterMailDomain | Operation::DeregisterMailDomain,
            "MailDomainInUseException",
        ) => Reason::DomainInUse,
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

/// What to do about a refusal.
fn next_step(reason: Reason, operation: Operation) -> String {
    let next = match reason {
        Reason::AccessDenied => {
            return format!(
                "Allow {} to the operator's role; WorkMail also acts with the caller's rights on \
                 ds, ses, kms and route53.",
                operation.action()
            );
        }
        Reason::DeletionBlocked => {
            "If it has enabled users, disable them, or set deletion.forceDelete and \
             deletion.confirmOrganizationId. Setting deletionPolicy to Retain releases this \
             resource and keeps the organization."
        }
        Reason::InvalidParameter => {
            "Correct the spec; fields that cannot be changed need a new resource."
        }
        Reason::AliasUnavailable => {
            "The alias is taken in another AWS account or region, or was once: an alias of a \
             deleted organization may never be free again. Create a new resource with another \
             alias."
        }
        Reason::DomainInUse if operation == Operation::RegisterMailDomain => {
            "Another organization of this AWS account uses the domain: remove it there first, or \
             remove it from spec.domains. It is looked at again about every hour, or at once when \
             the annotation workmail-operator.dev/reconcile-requested-at changes."
        }
        Reason::DomainInUse => {
            "Users, groups or resources still have addresses in the domain: move them to another \
             domain, or put this one back into spec.domains. It is looked at again about every \
             hour, or at once when the annotation workmail-operator.dev/reconcile-requested-at \
             changes."
        }
        Reason::DomainNotVerified => {
            "Publish the records of status.domains; it is tried again by itself."
        }
        Reason::DomainRefused => {
            "Check the domain in spec.domains and, where AWS's text speaks of them, its SES \
             settings; it is tried again by itself."
        }
        Reason::LimitExceeded if operation == Operation::RegisterMailDomain => {
            "Remove a domain that is not needed, or ask AWS for a higher quota; it is tried again \
             by itself."
        }
        Reason::DirectoryInUse => {
            "Another organization of this account and region uses the directory. Create a new \
             resource with another directoryId, or none."
        }
        Reason::UnsupportedOperation => {
            "The organization's directory does not allow it. Correct the spec."
        }
        Reason::TooManyTags => {
            "AWS allows 50 tags: those of the spec, 3 that mark ownership, and those written by \
             others. Remove some."
        }
        Reason::LimitExceeded => {
            "Delete an organization that is not needed, or ask AWS for a higher quota; it is tried \
             again by itself."
        }
        Reason::DirectoryUnavailable => {
            "Check that the directory exists and is in the organization's region; it is tried \
             again by itself."
        }
        Reason::UnexpectedError => {
            "It is tried again by itself; look the code up in AWS's documentation."
        }
        Reason::ServiceUnavailable => {
            "AWS listed the organization a moment ago; it is looked at again."
        }
        Reason::OrganizationBusy
        | Reason::Active
        | Reason::Suspended
        | Reason::EndOfService
        | Reason::Progressing
        | Reason::Requested
        | Reason::Creating
        | Reason::Deleting
        | Reason::Throttled
        | Reason::CredentialsUnavailable
        | Reason::AccountMismatch
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
        | Reason::NameTaken => "It is tried again by itself.",
    };
    next.to_owned()
}
