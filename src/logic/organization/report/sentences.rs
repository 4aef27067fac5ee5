//! The short sentences of the conditions beside Ready, and of the events of failures.
//!
//! The full text stands in Ready alone. No sentence is in two conditions, and each has at most 160
//! characters, names of users aside. The tests of the report hold both.

use crate::{
    api::{Class, ConditionType, Reason},
    logic::{Failure, organization::Phase},
};

/// `Suspended`.
pub(super) const SUSPENDED: &str = "Set spec.suspend to false to continue: nothing is called in AWS, and \
                                    the other conditions stay as last seen.";
/// `Ready` of a resource that was suspended before AWS was read.
pub(super) const SUSPENDED_UNREAD: &str =
    "Set spec.suspend to false, so that the operator reads Amazon WorkMail.";
/// `Synced` of a suspended resource whose spec was changed.
pub(super) const NOT_APPLIED: &str =
    "The last change of the spec is not applied, because spec.suspend is true.";

/// `Synced` after the end of the service.
pub(super) const ENDED_UNKNOWN: &str =
    "AWS is not compared with the spec any more, because the service has ended.";

/// AWS's page on the end of the service.
pub(super) const END_PAGE: &str =
    "https://docs.aws.amazon.com/workmail/latest/adminguide/workmail-end-of-support.html";

/// `Ready` after the end of the service.
pub(super) fn unknown_since(last_day: &str) -> String {
    format!(
        "Amazon WorkMail ended on {last_day}: nothing is changed in AWS or concluded from it any more, and \
         this resource can be deleted."
    )
}

/// `EndOfService` once the service has ended.
pub(super) fn ended(last_day: &str) -> String {
    format!("Amazon WorkMail ended on {last_day}; every resource can be deleted.")
}

/// `EndOfService` before that. `days_left` is counted when the message is written.
pub(super) fn announced(last_day: &str, days_left: i64) -> String {
    let plural = if days_left == 1 { "" } else { "s" };
    format!(
        "Move the users and export the mailboxes before Amazon WorkMail ends on {last_day} ({days_left} \
         day{plural} left when this was written): {END_PAGE}."
    )
}

/// `Synced` where nothing differs. A default domain that waits for its verification is no difference, but
/// AWS does not have it yet.
pub(super) fn matches(waiting_default: Option<&str>) -> String {
    match waiting_default {
        None => "AWS matches the spec.".to_owned(),
        Some(domain) => format!(
            "AWS matches the spec except for the default domain, which is set once {domain} is verified."
        ),
    }
}

/// `Synced` under Observe where nothing differs.
pub(super) fn observed_matches(waiting_default: Option<&str>) -> String {
    match waiting_default {
        None => "AWS matches the spec, and this resource owns the organization.".to_owned(),
        Some(_) => matches(waiting_default),
    }
}

/// `DomainsReady` where every domain is verified.
pub(super) const VERIFIED: &str = "Ownership and DKIM of every domain of the spec are verified.";
/// `DomainsReady` without an organization.
pub(super) const NO_RECORDS: &str = "No organization yet, so there are no records.";

/// `DomainsReady` while domains wait for DNS.
pub(super) fn waiting(names: &str) -> String {
    format!(
        "Publish the records of status.domains for {names}, which waits for verification; AWS tries for \
         up to 72 hours."
    )
}

/// `DomainsReady` where AWS has given up.
pub(super) fn not_verified(names: &str, cure: &str) -> String {
    format!(
        "Publish the records of {names} in status.domains, then {cure}: AWS did not verify it within 72 \
         hours."
    )
}

/// `DomainsReady` where AWS refuses domains.
pub(super) fn refused(names: &str) -> String {
    format!("AWS refuses {names}, see Ready.")
}

/// `Reconciling` of work that is under way: what the operator does next.
pub(super) const fn reconciling(phase: Phase) -> &'static str {
    match phase {
        Phase::Progressing => "The operator continues with the next step.",
        Phase::Requested | Phase::Creating => {
            "The operator reads AWS until the organization is Active."
        }
        Phase::Deleting => "The operator reads AWS until the organization is deleted.",
    }
}

/// `Synced` of work that is under way.
pub(super) const fn synced_later(phase: Phase) -> &'static str {
    match phase {
        Phase::Progressing => "The spec is not applied yet.",
        Phase::Requested | Phase::Creating => {
            "The spec is applied once AWS has created the organization."
        }
        Phase::Deleting => "The spec is applied no more, because the resource is being deleted.",
    }
}

/// `Reconciling` after a failure: when the operator tries again.
pub(super) const fn retrying(reason: Reason) -> &'static str {
    if matches!(
        reason,
        Reason::Impaired | Reason::Inactive | Reason::UnknownState
    ) {
        return "The operator reads the organization again when AWS lists a change of it.";
    }
    match reason.class() {
        Class::Transient => "The operator retries automatically, at least once a minute.",
        Class::Good | Class::InProgress | Class::Recoverable | Class::Terminal => {
            "The operator retries automatically, at least every 15 minutes."
        }
    }
}

/// `Stalled`: when the operator tries again.
pub(super) const fn stalled(reason: Reason) -> &'static str {
    if matches!(reason, Reason::SchemaOutdated) {
        "See the condition Ready. The operator continues when the CustomResourceDefinition changes."
    } else {
        "See the condition Ready. The operator tries again about every hour, and when the spec or \
         workmail-operator.dev/reconcile-requested-at changes."
    }
}

/// `Synced` after a failure.
pub(super) const fn not_synced(failure: &Failure) -> &'static str {
    let reason = failure.reason;
    if failure.read_failed {
        "AWS could not be compared with the spec."
    } else if matches!(
        reason,
        Reason::AliasUnavailable
            | Reason::AlreadyExists
            | Reason::NotFound
            | Reason::OrganizationGone
    ) {
        "There is no organization of this resource to compare with the spec."
    } else if matches!(
        reason,
        Reason::CreationFailed | Reason::Impaired | Reason::Inactive | Reason::UnknownState
    ) {
        "The organization is not Active, so the spec is not applied."
    } else if matches!(reason, Reason::OwnershipConflict) {
        "The spec is not applied to an organization of another owner."
    } else if matches!(reason, Reason::DeletionBlocked) {
        "The spec is applied no more, because the resource is to be deleted."
    } else if matches!(reason, Reason::ImmutableFieldDiffers) {
        "AWS differs from the spec, see status.drift."
    } else {
        "AWS does not hold everything that the spec says."
    }
}

/// The event of a failure, if it makes one. Where the definition is outdated, there may be no condition to
/// point to: a write of the status would lose what is hidden.
pub(super) fn of_failure(failure: &Failure) -> Option<String> {
    let Failure {
        reason,
        read_failed,
        ..
    } = failure;
    match (reason, read_failed) {
        (Reason::SchemaOutdated, false) => Some(
            "Apply the operator's CRDs first: the installed CustomResourceDefinition lacks fields."
                .to_owned(),
        ),
        (Reason::SchemaOutdated, true) => Some(
            "Let the operator get and watch its CustomResourceDefinition: it could not be read yet."
                .to_owned(),
        ),
        (reason, _) => warning(ConditionType::Ready, *reason),
    }
}

/// The event of a reason, if it makes one: what happened, and which condition says what to do.
pub(super) fn warning(condition: ConditionType, reason: Reason) -> Option<String> {
    let what = what_happened(reason)?;
    let condition = condition.as_str();
    Some(format!(
        "{what}; the condition {condition} says what to do."
    ))
}

/// What happened, for each reason that needs somebody to act.
const fn what_happened(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::LimitExceeded => "An AWS quota is used up",
        Reason::DirectoryUnavailable => "The directory is missing or in another region",
        Reason::AccessDenied => "AWS denies the operator a right or refuses its credentials",
        Reason::CredentialsUnavailable => "The operator could not get AWS credentials",
        Reason::AccountNotFound => "The WorkMailAccount of this resource does not exist",
        Reason::AccountNotAllowed => "The account does not allow it to this namespace",
        Reason::AccountMismatch => "The operator's credentials are of another AWS account",
        Reason::Impaired => "AWS reports the organization as Impaired",
        Reason::Inactive => "AWS reports the organization as Inactive",
        Reason::UnknownState => "AWS reports a state that this version does not know",
        Reason::UnexpectedError => "A request failed with an error that this version does not know",
        Reason::NotFound => "No organization has the alias or the id",
        Reason::VerificationFailed => "AWS could not verify a domain",
        Reason::DomainNotVerified => "AWS needs a domain to be verified first",
        Reason::DomainRefused => "AWS refuses a domain",
        Reason::KindNotInstalled => "This cluster does not have the kind DNSEndpoint",
        Reason::NameTaken => "Another DNSEndpoint has the name of this resource",
        Reason::InvalidParameter => "A value of the spec or the region is missing or refused",
        Reason::DomainInUse => "A domain is in use",
        Reason::AliasUnavailable => "The alias is not available",
        Reason::AlreadyExists => "An organization of this account and region has the alias already",
        Reason::DirectoryInUse => "Another organization uses the directory",
        Reason::UnsupportedOperation => "The directory does not allow what the spec asks for",
        Reason::TooManyTags => "The organization would have more than 50 tags",
        Reason::ImmutableFieldDiffers => {
            "AWS differs from the spec in a field that it never changes"
        }
        Reason::CreationFailed => "AWS could not create the organization",
        Reason::OrganizationGone => "The organization was deleted outside the operator",
        Reason::OwnershipConflict => "Another resource or cluster has the organization",
        Reason::SchemaOutdated => "The CustomResourceDefinition is older than the operator",
        Reason::DeletionBlocked => "The organization cannot be deleted",
        Reason::DestinationRefused => "The destination of an export cannot be used",
        Reason::CanaryFailed => "The first mailbox of an export could not be exported",
        Reason::OrganizationChanged => "An export is of another organization",
        Reason::MailboxExportedRecently => "A mailbox was exported less than a day ago",
        Reason::ExportLimit => "AWS runs no more export jobs at once",
        Reason::Stuck => "An export job makes no progress",
        Reason::AttemptFailed => "An attempt to export a mailbox failed",
        Reason::ExportFailed => "A mailbox could not be exported",
        Reason::SmallerThanMailbox => "An export is smaller than its mailbox",
        Reason::Unreadable => "An export is no whole zip",
        Reason::Missing => "An exported object is not there",
        Reason::EncryptedOtherwise => "An export is encrypted with another key",
        Reason::Active
        | Reason::Verifying
        | Reason::Suspended
        | Reason::EndOfService
        | Reason::Announced
        | Reason::Progressing
        | Reason::Requested
        | Reason::Creating
        | Reason::Deleting
        | Reason::Throttled
        | Reason::ServiceUnavailable
        | Reason::OrganizationBusy
        | Reason::ReadFailed
        | Reason::DriftFound
        | Reason::Verified
        | Reason::VerificationPending
        | Reason::Published
        | Reason::Queued
        | Reason::Running
        | Reason::Completed
        | Reason::Gone => return None,
    })
}
