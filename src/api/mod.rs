//! The custom resources as a user writes and reads them.
//!
//! Everything here is data: the schema, its CEL rules, printer columns and the words of conditions.
//! The files in `crds/` are generated from these types (`workmail-operator crds`).

#[allow(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "the derives repeat the struct inside a function, and take many attributes of one name"
)]
mod account;
#[allow(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "the derives repeat the struct inside a function, and take many attributes of one name"
)]
mod export;
mod fit;
#[allow(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "the derives repeat the struct inside a function, and take many attributes of one name"
)]
mod organization;
mod reason;
#[allow(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "the derives repeat the struct inside a function, and take many attributes of one name"
)]
mod require_export;
mod schema;
mod status;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

pub use account::{
    AccountRule, AssumeRole, DEFAULT_ACCOUNT, DEFAULT_SESSION_NAME, Impersonation, LabelOperator,
    LabelRequirement, LabelSelector, RuleExports, RuleNamespaces, WorkMailAccount,
    WorkMailAccountSpec, WorkMailAccountStatus, account_crd,
};
pub use export::{
    AttemptState, AttemptStatus, Destination, EXPORT_FINALIZER, EXPORT_UID, ExportFailure,
    ExportLog, ExportProof, ExportState, MailboxSelection, OrganizationRef, PendingExport,
    PendingExportOperation, ProofReason, Verification, WorkMailMailboxExport,
    WorkMailMailboxExportSpec, WorkMailMailboxExportStatus, WorkMailOrganizationExport,
    WorkMailOrganizationExportSpec, WorkMailOrganizationExportStatus, mailbox_export_crd,
    organization_export_crd,
};
pub use fit::fit;
pub use organization::{
    AccountRef, AdoptionPolicy, Deletion, DeletionPolicy, Dns, DomainSpec, ManagementPolicy,
    WorkMailOrganization, WorkMailOrganizationSpec, crd,
};
pub use reason::{Class, EventReason, Reason};
pub use require_export::{RequireExport, Waive};
pub use schema::{may_hide, missing_fields};
pub use status::{
    AcceptedDeletion, Condition, ConditionStatus, ConditionType, CreateInput, DnsRecord,
    DomainStatus, Drift, ExportGate, Omitted, Origin, Pending, PendingOperation, SeenOwner,
    WorkMailOrganizationStatus,
};

/// Every `CustomResourceDefinition` of the operator.
#[must_use]
pub fn crds() -> [CustomResourceDefinition; 4] {
    [
        crd(),
        account_crd(),
        mailbox_export_crd(),
        organization_export_crd(),
    ]
}

/// The finalizer, present exactly while `deletionPolicy` is `Delete`.
pub const FINALIZER: &str = "workmail-operator.dev/organization";

/// The field manager of everything the operator applies, and the reporter of its events.
pub const FIELD_MANAGER: &str = "workmail-operator";

/// Users set this annotation to any new value to ask for one whole look at AWS now.
pub const RECONCILE_REQUESTED_AT: &str = "workmail-operator.dev/reconcile-requested-at";

/// Users set this annotation to `CLUSTER/NAMESPACE/NAME`, the present owner of an organization, to take
/// it over from there.
pub const TAKE_OVER: &str = "workmail-operator.dev/take-over";

/// Ownership tag on the organization in AWS: which cluster manages it.
pub const TAG_CLUSTER: &str = "workmail-operator.dev/cluster";
/// Ownership tag on the organization in AWS: the namespace of the resource that manages it.
pub const TAG_NAMESPACE: &str = "workmail-operator.dev/namespace";
/// Ownership tag on the organization in AWS: the name of the resource that manages it.
pub const TAG_NAME: &str = "workmail-operator.dev/name";
