//! `WorkMailMailboxExport`: the export of one mailbox to S3.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    Destination, OrganizationRef, Verification, WorkMailMailboxExportStatus, destination_rules,
    with_default_status,
};

/// Which mailbox is exported, and where to. Immutable.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "workmail-operator.dev",
    version = "v1alpha1",
    kind = "WorkMailMailboxExport",
    plural = "workmailmailboxexports",
    shortname = "wmme",
    category = "workmail",
    category = "aws",
    namespaced,
    status = "WorkMailMailboxExportStatus",
    doc = "The export of one mailbox of an Amazon WorkMail organization to S3. Contacts, tasks and notes are not in an export.",
    derive = "PartialEq",
    printcolumn(
        name = "Mailbox",
        type_ = "string",
        json_path = ".status.email",
        description = "The address of the mailbox"
    ),
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.state",
        description = "Queued, Running, Completed, Failed, Cancelled or Gone"
    ),
    printcolumn(
        name = "Progress",
        type_ = "integer",
        json_path = ".status.progress",
        description = "The progress of the running job in percent, as AWS estimates it"
    ),
    printcolumn(
        name = "Attempts",
        type_ = "integer",
        json_path = ".status.attempts[-1:].number",
        description = "The number of the latest attempt"
    ),
    printcolumn(
        name = "Verified",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Verified')].status",
        description = "Whether the export is verified"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "The age of this resource"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1,
        description = "What is so, and what to do next"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("the spec of a mailbox export is immutable: create a new resource instead"),
    validation = destination_rules()[0].clone(),
    validation = destination_rules()[1].clone(),
    validation = destination_rules()[2].clone(),
    validation = destination_rules()[3].clone(),
    validation = destination_rules()[4].clone(),
    validation = destination_rules()[5].clone(),
    validation = destination_rules()[6].clone(),
)]
pub struct WorkMailMailboxExportSpec {
    /// The `WorkMailOrganization` of this namespace that has the mailbox. Only an organization that this
    /// cluster owns, under managementPolicy Full, is exported.
    pub organization_ref: OrganizationRef,

    /// The user or resource: its id, name or address, 1 to 254 characters.
    #[schemars(length(min = 1, max = 254))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9._%+@-]+$')").message("mailbox is the id, the name or the address of a user or resource"))]
    pub mailbox: String,

    /// Where the export is written.
    pub destination: Destination,

    /// After this many failed attempts the export has failed, 1 to 10. Default: 3.
    #[serde(default = "three")]
    #[schemars(with = "i64", range(min = 1, max = 10))]
    pub backoff_limit: u32,

    /// How the export is checked before it counts as done. None: the job is COMPLETED and AWS names the
    /// object that it wrote. Head: the object is there, is not empty and is encrypted with the key of the
    /// spec. Content (default): that, and its zip directory is whole and has about as much as the mailbox.
    #[serde(default)]
    pub verification: Verification,
}

const fn three() -> u32 {
    3
}

/// The `CustomResourceDefinition` as it is installed.
#[must_use]
pub fn mailbox_export_crd() -> CustomResourceDefinition {
    with_default_status(WorkMailMailboxExport::crd())
}
