//! `WorkMailOrganizationExport`: the export of every mailbox of an organization to S3.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Destination, OrganizationRef, Verification, WorkMailOrganizationExportStatus,
    destination_rules, with_default_status,
};

/// Which mailboxes are exported, where to, and how fast.
#[derive(Clone, CustomResource, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "workmail-operator.dev",
    version = "v1alpha1",
    kind = "WorkMailOrganizationExport",
    plural = "workmailorganizationexports",
    shortname = "wmoe",
    category = "workmail",
    category = "aws",
    namespaced,
    status = "WorkMailOrganizationExportStatus",
    doc = "The export of all mailboxes of an Amazon WorkMail organization to S3. It makes one WorkMailMailboxExport for each.",
    derive = "PartialEq",
    validation = Rule::new("self.spec.destination == oldSelf.spec.destination || !has(self.status) || !has(self.status.succeeded) || self.status.succeeded == 0")
        .message("destination is immutable once a mailbox is exported: create a new resource instead")
        .field_path(".spec.destination"),
    printcolumn(
        name = "Organization",
        type_ = "string",
        json_path = ".spec.organizationRef.name",
        description = "The WorkMailOrganization"
    ),
    printcolumn(
        name = "Done",
        type_ = "string",
        json_path = ".status.done",
        description = "How many mailboxes are exported, of how many"
    ),
    printcolumn(
        name = "Failed",
        type_ = "integer",
        json_path = ".status.failed",
        description = "How many mailboxes could not be exported"
    ),
    printcolumn(
        name = "Progress",
        type_ = "integer",
        json_path = ".status.progress",
        description = "The progress in percent, by mailbox size where it is known"
    ),
    printcolumn(
        name = "ETA",
        type_ = "string",
        json_path = ".status.estimatedCompletionAt",
        description = "When it will be complete, by the rate so far"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether every mailbox is exported"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why it is ready or not"
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
    validation = destination_rules()[0].clone(),
    validation = destination_rules()[1].clone(),
    validation = destination_rules()[2].clone(),
    validation = destination_rules()[3].clone(),
    validation = destination_rules()[4].clone(),
    validation = destination_rules()[5].clone(),
    validation = destination_rules()[6].clone(),
)]
pub struct WorkMailOrganizationExportSpec {
    /// The `WorkMailOrganization` of this namespace whose mailboxes are exported: one that this cluster
    /// owns, under managementPolicy Full. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("organizationRef is immutable: create a new resource instead"))]
    pub organization_ref: OrganizationRef,

    /// Where the exports are written. Immutable once a mailbox is exported.
    pub destination: Destination,

    /// Which mailboxes. Default: every user and resource that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MailboxSelection", extend("default" = {}))]
    pub mailboxes: Option<MailboxSelection>,

    /// The mailbox that goes first: its id, name or address. No other is begun before one has succeeded.
    /// Default: the smallest that is not empty of the first 20 users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 254))]
    pub canary: Option<String>,

    /// How many jobs of this export run at once, 1 to 10. Default: 10, which is what AWS allows for one
    /// organization.
    #[serde(default = "ten")]
    #[schemars(with = "i64", range(min = 1, max = 10))]
    pub parallelism: u32,

    /// After this many failed attempts a mailbox counts as failed, 1 to 10. Default: 3.
    #[serde(default = "three")]
    #[schemars(with = "i64", range(min = 1, max = 10))]
    pub backoff_limit: u32,

    /// A job without progress for this long is told as Stuck; it is not cancelled. `1h` to `720h`.
    /// Default: 24h.
    #[serde(default = "a_day")]
    #[schemars(length(min = 2, max = 16))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+(h|m|s)$') && duration(self) >= duration('1h') && duration(self) <= duration('720h')").message("progressDeadline is a duration from 1h to 720h, such as 24h"))]
    pub progress_deadline: String,

    /// The day by which all should be exported, as `2027-03-17`: the estimate is measured against it.
    /// Default: 14 days before the service ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 10, max = 10))]
    #[x_kube(validation = Rule::new("self.matches('^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$')").message("deadline is a day, such as 2027-03-17"))]
    pub deadline: Option<String>,

    /// How each export is checked before it counts as done. None: the job is COMPLETED and AWS names the
    /// object that it wrote. Head: the object is there, is not empty and is encrypted with the key of the
    /// spec. Content (default): that, and its zip directory is whole and has about as much as the mailbox.
    #[serde(default)]
    pub verification: Verification,

    /// True: no new job is begun; what runs goes on. Default: false.
    #[serde(default)]
    pub suspend: bool,
}

/// Which mailboxes are exported.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct MailboxSelection {
    /// Only these: ids, names or addresses, at most 1,000. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 254)))]
    pub include: Vec<String>,

    /// Not these: ids, names or addresses, at most 1,000. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 254)))]
    pub exclude: Vec<String>,

    /// True (default): users that were disabled in the last 30 days too; AWS keeps their mail for so long.
    #[serde(default = "yes")]
    pub disabled: bool,
}

impl Default for MailboxSelection {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            disabled: true,
        }
    }
}

const fn yes() -> bool {
    true
}

const fn ten() -> u32 {
    10
}

const fn three() -> u32 {
    3
}

fn a_day() -> String {
    "24h".to_owned()
}

/// The `CustomResourceDefinition` as it is installed.
#[must_use]
pub fn organization_export_crd() -> CustomResourceDefinition {
    with_default_status(WorkMailOrganizationExport::crd())
}
