//! What the operator reports, and what it has to remember across a crash.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DomainSpec;

/// The state of the organization as last seen in AWS, and what the operator remembers of its work.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkMailOrganizationStatus {
    /// The generation of the spec that the conditions speak of; -1 before AWS was first read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,

    /// The organization's id in AWS: `m-` and 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 34))]
    pub organization_id: Option<String>,

    /// How the organization became this resource's: Created by it, or Adopted (taken as it existed,
    /// or found again by its ownership tags). Without it the organization was merely seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Origin")]
    pub origin: Option<Origin>,

    /// When the create was answered, or the organization of a pending create was found; absent
    /// where the organization was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Option<Timestamp>,

    /// The organization's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1011))]
    pub arn: Option<String>,

    /// The AWS account the organization is in; frozen before the first call that changes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 12))]
    pub account_id: Option<String>,

    /// The `WorkMailAccount` that was used. A resource that has one is never served without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 253))]
    pub account: Option<String>,

    /// The AWS region the organization is in; frozen before the first call that changes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    pub region: Option<String>,

    /// The state in AWS's own word: Requested, Creating, Validating, Active, Impaired, Inactive,
    /// Failed, Deleting, Deleted, or one this version does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub state: Option<String>,

    /// AWS's own message when the state is Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub error_message: Option<String>,

    /// The directory behind the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub directory_id: Option<String>,

    /// The kind of directory, in AWS's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub directory_type: Option<String>,

    /// The default mail domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub default_domain: Option<String>,

    /// When the organization became usable, by AWS's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub completed_date: Option<Timestamp>,

    /// The user that migrates mailboxes into the organization, if one is set in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub migration_admin: Option<String>,

    /// Whether interoperability with Microsoft Exchange is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub interoperability_enabled: Option<bool>,

    /// A call that was about to be made when this was written; removed with its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pending")]
    pub pending: Option<Pending>,

    /// The deletion that AWS accepted; removed when it comes to nothing and is asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AcceptedDeletion")]
    pub deletion: Option<AcceptedDeletion>,

    /// What a deletion that waits for exports has to remember: whether the spec asks for them, and how far
    /// the last check of them has come.
    #[serde(default, skip_serializing_if = "ExportGate::is_nothing")]
    #[schemars(with = "ExportGate")]
    pub export_gate: ExportGate,

    /// The keys of AWS tags that this resource wrote first, and so removes when they leave the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub managed_tag_keys: Vec<String>,

    /// Whom the organization's ownership tags named when they were last read: only `seenAt` where they
    /// named nobody. Absent until they are read; AWS shows them only while the organization is Active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SeenOwner")]
    pub owner: Option<SeenOwner>,

    /// The mail domains of the organization, with the DNS records to publish for those of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1200),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["domainName"])
    )]
    pub domains: Vec<DomainStatus>,

    /// Where AWS differs from the spec, as last seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub drift: Vec<Drift>,

    /// Under managementPolicy Observe: the AWS calls that Full would make, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512), inner(length(max = 1024)))]
    pub planned_calls: Vec<String>,

    /// How much of the longest lists is left out here, so that the resource can be stored.
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    #[schemars(with = "Omitted")]
    pub omitted: Omitted,

    /// The last value of the annotation `workmail-operator.dev/reconcile-requested-at` whose full read
    /// of AWS is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,

    /// Ready, Reconciling and Stalled as kstatus reads them; Synced, `DomainsReady`,
    /// `DNSEndpointReady`, Suspended, `EndOfService`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

impl WorkMailOrganizationStatus {
    /// The condition of that type, if it is present.
    #[must_use]
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.r#type == kind.as_str())
    }
}

/// How many entries of a list were left out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Omitted {
    /// Of `domains`: some that are not in the spec.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i64", range(min = 0))]
    pub domains: u32,
    /// Of `drift`.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i64", range(min = 0))]
    pub drift: u32,
    /// Of `plannedCalls`.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i64", range(min = 0))]
    pub planned_calls: u32,
}

impl Omitted {
    /// Whether every list is whole.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How the organization became this resource's.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum Origin {
    /// The answer of `CreateOrganization`, or the organization of a pending create.
    Created,
    /// Taken as it existed, or found again by its ownership tags.
    Adopted,
}

/// Whom the ownership tags named, and since when they have been known to name them.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenOwner {
    /// The cluster that the tags name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub cluster: Option<String>,
    /// The namespace that the tags name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub namespace: Option<String>,
    /// The resource that the tags name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub name: Option<String>,
    /// When the tags were first seen to name this owner.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub seen_at: Timestamp,
}

/// A call that may have been made: what it was, exactly.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The AWS operation.
    pub operation: PendingOperation,
    /// The alias that is created, or the organization id that is deleted.
    #[schemars(length(max = 62))]
    pub target: String,
    /// When the intent was first recorded.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// An organization that had the alias already when this was written: only AWS's answer to the
    /// call can make it this resource's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 34))]
    pub candidate: Option<String>,
    /// The exact input of the create, so that a repeated call is the same call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CreateInput")]
    pub input: Option<CreateInput>,
}

/// A `DeleteOrganization` that AWS accepted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedDeletion {
    /// When AWS accepted it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub accepted_at: Timestamp,
}

/// What a deletion that waits for exports has to remember.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportGate {
    /// `deletion.requireExport` was set when the spec was last seen.
    #[serde(default)]
    pub required: bool,
    /// When the first of the exports was checked once more that were found right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub checked_since: Option<Timestamp>,
    /// How many were found right, in the order in which their jobs began.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i64", range(min = 0))]
    pub checked: u32,
    /// A digest that says which these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub digest: Option<String>,
}

impl ExportGate {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The operations whose intent is recorded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum PendingOperation {
    /// `CreateOrganization`, with the resource's UID as client token.
    CreateOrganization,
    /// `DeleteOrganization`.
    DeleteOrganization,
}

/// The input of `CreateOrganization` besides the alias and the client token.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInput {
    /// The directory to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 12))]
    pub directory_id: Option<String>,
    /// The customer's KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 2048))]
    pub kms_key_arn: Option<String>,
    /// Interoperability with Microsoft Exchange.
    #[serde(default)]
    pub enable_interoperability: bool,
    /// The domains that go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub domains: Vec<DomainSpec>,
}

/// A mail domain of the organization, as last seen.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainStatus {
    /// The domain's name.
    #[schemars(length(max = 255))]
    pub domain_name: String,
    /// This resource registered it, and so deregisters it when it leaves the spec.
    #[serde(default)]
    pub managed: bool,
    /// New addresses are proposed in it.
    #[serde(default)]
    pub is_default: bool,
    /// It is the organization's own under awsapps.com.
    #[serde(default)]
    pub is_test_domain: bool,
    /// Whether the domain's ownership is verified, in AWS's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub ownership: Option<String>,
    /// Whether DKIM is verified, in AWS's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub dkim: Option<String>,
    /// Since when its verification is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub pending_since: Option<Timestamp>,
    /// The DNS records to publish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub records: Vec<DnsRecord>,
    /// How many records are left out here, so that the resource can be stored. A domain has all of them
    /// or none.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i64", range(min = 0))]
    pub records_omitted: u32,
}

/// A DNS record, as AWS wants it published.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct DnsRecord {
    /// MX, TXT or CNAME.
    #[schemars(length(max = 16))]
    pub r#type: String,
    /// The name of the record.
    #[schemars(length(max = 512))]
    pub hostname: String,
    /// Its value; that of an MX begins with the priority.
    #[schemars(length(max = 1024))]
    pub value: String,
}

/// Something that is other in AWS than the spec says.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct Drift {
    /// What differs: `spec.tags[team]`, `spec.domains[acme.example]`, `spec.defaultDomain`, another
    /// field of the spec, `state`, or `owner`.
    #[schemars(length(max = 512))]
    pub path: String,
    /// What it should be; absent if it should not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub desired: Option<String>,
    /// What it is in AWS; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub actual: Option<String>,
}

/// One condition, in the form of `metav1.Condition`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Ready, Reconciling, Stalled, Synced, `DomainsReady`, `DNSEndpointReady`, Suspended or
    /// `EndOfService`.
    #[schemars(length(max = 316))]
    pub r#type: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// The generation of the spec this condition speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// When the status last changed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_transition_time: Timestamp,
    /// One word for programs.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// For people: what to do next, and what happened.
    #[schemars(length(max = 4096))]
    pub message: String,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum ConditionStatus {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It is not known.
    Unknown,
}

/// The types of conditions the operator writes, in the order in which they stand.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ConditionType {
    /// This generation was observed, the organization is Active and Synced.
    Ready,
    /// Work or a retry is under way. Present only while true.
    Reconciling,
    /// Nothing changes until somebody acts. Present only while true.
    Stalled,
    /// AWS matches the spec.
    Synced,
    /// Ownership and DKIM are verified for every domain of the spec. Present while it has domains.
    DomainsReady,
    /// The `DNSEndpoint` has the records. Present while `spec.dns.endpoint` is true.
    DnsEndpointReady,
    /// `spec.suspend` holds. Present only while true.
    Suspended,
    /// The service has ended; before that, False with the date.
    EndOfService,
    /// Of the export kinds: all of it is exported. Present only while true.
    Complete,
    /// Of the export kinds: nothing runs, and something could not be exported. Present only while true.
    Failed,
    /// Of the export kinds: what was exported is what it should be.
    Verified,
}

impl ConditionType {
    /// Every type.
    pub const ALL: [Self; 11] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::Synced,
        Self::DomainsReady,
        Self::DnsEndpointReady,
        Self::Suspended,
        Self::EndOfService,
        Self::Complete,
        Self::Failed,
        Self::Verified,
    ];

    /// The type as it stands in the condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Synced => "Synced",
            Self::DomainsReady => "DomainsReady",
            Self::DnsEndpointReady => "DNSEndpointReady",
            Self::Suspended => "Suspended",
            Self::EndOfService => "EndOfService",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
            Self::Verified => "Verified",
        }
    }
}
