//! `WorkMailOrganization`: one Amazon WorkMail organization.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RequireExport, WorkMailOrganizationStatus};

/// What the organization should be. Fields that AWS cannot change after creation are immutable
/// here too.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "workmail-operator.dev",
    version = "v1alpha1",
    kind = "WorkMailOrganization",
    plural = "workmailorganizations",
    shortname = "wmo",
    category = "workmail",
    category = "aws",
    namespaced,
    status = "WorkMailOrganizationStatus",
    doc = "An Amazon WorkMail organization: a directory, an alias under awsapps.com, and the mail of its users.",
    derive = "PartialEq",
    printcolumn(
        name = "Alias",
        type_ = "string",
        json_path = ".spec.alias",
        description = "The organization's alias"
    ),
    printcolumn(
        name = "Organization-ID",
        type_ = "string",
        json_path = ".status.organizationId",
        description = "The organization's id in AWS"
    ),
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.state",
        description = "The state in AWS's own word"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether the organization is Active and in sync"
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
        name = "Region",
        type_ = "string",
        json_path = ".status.region",
        priority = 1,
        description = "The AWS region"
    ),
    printcolumn(
        name = "Default-Domain",
        type_ = "string",
        json_path = ".status.defaultDomain",
        priority = 1,
        description = "The default mail domain"
    ),
    printcolumn(
        name = "Deletion-Policy",
        type_ = "string",
        json_path = ".spec.deletionPolicy",
        priority = 1,
        description = "What becomes of the organization when this resource is deleted"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Synced')].status",
        priority = 1,
        description = "Whether AWS matches the spec"
    ),
    printcolumn(
        name = "Domains",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='DomainsReady')].status",
        priority = 1,
        description = "Whether every domain of the spec is verified"
    ),
    printcolumn(
        name = "Suspended",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Suspended')].status",
        priority = 1,
        description = "Whether the operator leaves AWS alone"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1,
        description = "What to do next, and what happened"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = immutable_optional("region"),
    validation = immutable_optional("directoryId"),
    validation = immutable_optional("kmsKeyArn"),
    validation = immutable_optional("organizationId"),
    validation = Rule::new("!has(self.organizationId) || self.adoptionPolicy == 'Adopt'")
        .message("organizationId needs adoptionPolicy Adopt: it names the one organization to take")
        .field_path(".organizationId"),
    validation = Rule::new("!has(self.domains) || self.domains.filter(domain, has(domain.hostedZoneId)).size() <= 5")
        .message("at most 5 domains can have a hostedZoneId: as many go along with the creation")
        .field_path(".domains"),
    validation = Rule::new("!has(self.domains) || self.adoptionPolicy != 'Adopt' || !self.domains.exists(domain, has(domain.hostedZoneId))")
        .message("hostedZoneId is used at creation only, and adoptionPolicy Adopt creates nothing: set it to AdoptOrCreate, or create the resource without hostedZoneId and publish the records of status.domains yourself")
        .field_path(".domains"),
    validation = Rule::new("!has(self.domains) || self.domains.all(domain, !has(domain.hostedZoneId) || has(oldSelf.domains) && oldSelf.domains.exists(old, old.domainName == domain.domainName))")
        .message("hostedZoneId is used at creation only: leave it out of a domain that is added later, and publish the records of status.domains yourself")
        .field_path(".domains"),
    validation = Rule::new("!has(self.domains) || !has(oldSelf.domains) || self.domains.all(domain, !oldSelf.domains.exists(old, old.domainName == domain.domainName && (has(old.hostedZoneId) != has(domain.hostedZoneId) || has(old.hostedZoneId) && old.hostedZoneId != domain.hostedZoneId)))")
        .message("hostedZoneId of a domain is immutable and cannot be added or removed, for it is used at creation only: create a new resource instead (to delete this one, set deletionPolicy to Retain first)")
        .field_path(".domains"),
    validation = Rule::new("!has(self.defaultDomain) || self.defaultDomain == self.alias.lowerAscii() + '.awsapps.com' || has(self.domains) && self.domains.exists(domain, domain.domainName == self.defaultDomain)")
        .message("defaultDomain must be one of domains, or the alias in lower case followed by .awsapps.com")
        .field_path(".defaultDomain"),
    validation = Rule::new("!has(self.dns) || !self.dns.endpoint || !has(self.domains) || !self.domains.exists(domain, has(domain.hostedZoneId))")
        .message("set dns.endpoint to false while a domain has a hostedZoneId: AWS writes its records into that zone, and hostedZoneId cannot be removed")
        .field_path(".dns"),
    // Newer than 0.1: an object that broke it can still be set to Retain, suspended and observed. No update
    // adds one: hostedZoneId of a domain that is added later is refused.
    validation = Rule::new("oldSelf.hasValue() || !has(self.domains) || !self.domains.exists(domain, has(domain.hostedZoneId) && domain.domainName == self.alias.lowerAscii() + '.awsapps.com')")
        .message("leave hostedZoneId out of the organization's own domain under awsapps.com: its records are AWS's own")
        .field_path(".domains")
        .optional_old_self(true),
    validation = Rule::new("!self.enableInteroperability || has(self.directoryId)")
        .message("enableInteroperability needs directoryId: name the AD Connector directory of the Exchange domain")
        .field_path(".enableInteroperability"),
    validation = Rule::new("self.deletionPolicy != 'Delete' || (has(self.deletion) && has(self.deletion.confirmAlias) && self.deletion.confirmAlias == self.alias)")
        .message("deletionPolicy Delete destroys all mailboxes: confirm it by setting deletion.confirmAlias to the value of alias")
        .field_path(".deletionPolicy"),
    validation = Rule::new("self.deletionPolicy != 'Delete' || !has(self.deletion) || !self.deletion.forceDelete || has(self.deletion.confirmOrganizationId)")
        .message("deletion.forceDelete destroys the mail of enabled users: confirm it by setting deletion.confirmOrganizationId to status.organizationId")
        .field_path(".deletion"),
)]
pub struct WorkMailOrganizationSpec {
    /// The organization's alias: its users sign in at `ALIAS.awsapps.com`. 1 to 62 letters and
    /// digits, single hyphens between them, not starting with `d-`. Unique among all of AWS; an
    /// alias that was used may never be free again. Immutable.
    #[schemars(length(min = 1, max = 62))]
    #[x_kube(
        validation = Rule::new("self.matches('^[0-9A-Za-z]+(-[0-9A-Za-z]+)*$')").message("alias is only the part before .awsapps.com: letters, digits and single hyphens"),
        validation = Rule::new("!self.startsWith('d-')").message("alias must not start with d-: AWS keeps that form for directory ids"),
        validation = Rule::new("self == oldSelf").message("alias is immutable: create a new resource instead (to delete this one, set deletionPolicy to Retain first)")
    )]
    pub alias: String,

    /// The AWS region: us-east-1, us-west-2 or eu-west-1. Default: the operator's. Immutable; it
    /// cannot be added or removed later either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(
        // Newer than 0.1: what broke it before can still be set to Retain, suspended and observed.
        validation = Rule::new("oldSelf.hasValue() || self in ['us-east-1', 'us-west-2', 'eu-west-1']")
            .message("region must be us-east-1, us-west-2 or eu-west-1: Amazon WorkMail exists nowhere else")
            .optional_old_self(true)
    )]
    pub region: Option<String>,

    /// The `WorkMailAccount` that this organization is in. Default: the one called `default`; where there
    /// is no `WorkMailAccount` at all, the operator's own AWS account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AccountRef")]
    pub account_ref: Option<AccountRef>,

    /// An existing directory to use: `d-` and 10 hexadecimal digits. Its alias must be `alias`.
    /// Default: WorkMail makes a directory of its own. Immutable; it cannot be added or removed
    /// later either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 12, max = 12))]
    #[x_kube(validation = Rule::new("self.matches('^d-[0-9a-f]{10}$')").message("directoryId is d- followed by 10 digits or letters from a to f"))]
    pub directory_id: Option<String>,

    /// The ARN of a symmetric customer key that encrypts the mailboxes, 20 to 2048 characters.
    /// Default: the AWS managed key for WorkMail. AWS never shows it again. Immutable; it cannot be
    /// added or removed later either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 20, max = 2048))]
    // 1 + 1000 + 23 characters after the account: RE2 knows no repeat above 1000.
    #[x_kube(validation = Rule::new("self.matches('^arn:aws:kms:[a-z0-9-]*:[a-z0-9-]+:[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1000}[A-Za-z0-9:_/+=,@.-]{0,23}$')")
        .message("kmsKeyArn is the whole ARN of a key, such as arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"))]
    pub kms_key_arn: Option<String>,

    /// Interoperability with Microsoft Exchange. Needs `directoryId` of an AD Connector. Default:
    /// false. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("enableInteroperability is immutable: create a new resource instead (to delete this one, set deletionPolicy to Retain first)"))]
    pub enable_interoperability: bool,

    /// The mail domains of the organization besides its own `ALIAS.awsapps.com`, at most 100, each
    /// once. Five go along with the creation, those with a hosted zone first; the others and later
    /// ones are registered. A domain that leaves the list is deregistered if this resource
    /// registered it. Domains that are not in the list are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["domainName"])
    )]
    pub domains: Vec<DomainSpec>,

    /// The domain that AWS proposes for new addresses: one of `domains`, or `ALIAS.awsapps.com` (the
    /// alias in lower case). It is set once it is verified. Default: whatever it is in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 3, max = 209))]
    pub default_domain: Option<String>,

    /// Who publishes the DNS records of the domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dns", extend("default" = {}))]
    pub dns: Option<Dns>,

    /// Tags of the organization in AWS, at most 47. Keys of 1 to 128 characters, not beginning with
    /// `aws:` (in any case) or `workmail-operator.dev/`; values of at most 256 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags_schema")]
    #[x_kube(
        validation = Rule::new("self.all(key, key.size() >= 1 && key.size() <= 128)").message("a tag key has 1 to 128 characters"),
        validation = Rule::new("self.all(key, !key.startsWith('aws:') && !key.startsWith('workmail-operator.dev/'))").message("tag keys beginning with aws: or workmail-operator.dev/ are reserved"),
        // Newer than 0.1: a key that is there already stays until AWS has refused it, in a condition.
        validation = Rule::new("self.all(key, key.startsWith('aws:') || !key.matches('^[aA][wW][sS]:') || oldSelf.hasValue() && key in oldSelf.value())")
            .message("tag keys beginning with aws: are reserved, in upper and lower case")
            .optional_old_self(true)
    )]
    pub tags: BTreeMap<String, String>,

    /// What becomes of an organization that exists already and that no resource owns. Create
    /// (default): it is left alone. Adopt: it is taken, and none is ever created.
    /// `AdoptOrCreate`: it is taken if it exists, else created.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// The id of the one organization to adopt, `m-` and 32 hexadecimal digits; its alias must be
    /// `alias`. Needs adoptionPolicy Adopt. Default: the one that has the alias. Immutable; it cannot
    /// be added or removed later either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 34, max = 34))]
    #[x_kube(validation = Rule::new("self.matches('^m-[0-9a-f]{32}$')").message("organizationId is m- followed by 32 digits or letters from a to f"))]
    pub organization_id: Option<String>,

    /// Full (default): the organization is made as the spec says. Observe: nothing is changed in AWS,
    /// not even by deletion; what differs and what Full would call stands in status.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// True: no AWS call at all is made for this resource, and its status stays as last seen.
    /// Default: false.
    #[serde(default)]
    pub suspend: bool,

    /// What becomes of the organization when this resource is deleted. Retain (default): it stays
    /// in AWS as it is. Delete: it is deleted with all its mailboxes; needs `deletion.confirmAlias`.
    /// Setting it to Retain is always possible.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// How to delete. Needed with deletionPolicy Delete, and may stay when the policy goes back to
    /// Retain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Deletion", extend("default" = {}))]
    pub deletion: Option<Deletion>,
}

/// The name of a `WorkMailAccount`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct AccountRef {
    /// The name of the `WorkMailAccount`, 1 to 253 characters.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What becomes of an organization that exists already and that no resource owns.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum AdoptionPolicy {
    /// It is left alone, and the alias is not available.
    #[default]
    Create,
    /// It is taken; none is ever created.
    Adopt,
    /// It is taken; if there is none, one is created.
    AdoptOrCreate,
}

impl AdoptionPolicy {
    /// Whether an organization without an owner may be taken.
    #[must_use]
    pub const fn adopts(self) -> bool {
        match self {
            Self::Create => false,
            Self::Adopt | Self::AdoptOrCreate => true,
        }
    }

    /// Whether one may be created.
    #[must_use]
    pub const fn creates(self) -> bool {
        match self {
            Self::Create | Self::AdoptOrCreate => true,
            Self::Adopt => false,
        }
    }
}

/// Whether the operator changes anything in AWS.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum ManagementPolicy {
    /// The organization is made as the spec says.
    #[default]
    Full,
    /// AWS is read, and nothing is changed.
    Observe,
}

/// Who publishes the DNS records of the domains.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct Dns {
    /// True: a `DNSEndpoint` (externaldns.k8s.io/v1alpha1) with all records of the domains is kept
    /// beside this resource, for external-dns to publish. False (default): the records stand in
    /// `status.domains`, for you to publish.
    #[serde(default)]
    pub endpoint: bool,
}

/// A mail domain.
#[derive(Clone, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainSpec {
    /// The domain's name in lower case without a trailing dot, 3 to 209 characters.
    #[schemars(length(min = 3, max = 209))]
    #[x_kube(validation = Rule::new(r"self.matches('^[a-z0-9-]+(\\.[a-z0-9-]+)*$')").message("domainName is a domain in lower case without a trailing dot, such as acme.example"))]
    pub domain_name: String,

    /// The Route 53 hosted zone of the domain, 1 to 32 characters without slashes: AWS writes the
    /// mail records into it while it creates the organization, and never later: it is refused with
    /// adoptionPolicy Adopt and on a domain that is added later. At most 5 domains have one.
    /// Immutable; it cannot be added or removed later either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new(r"self.matches('^[^/\\\\]+$')").message("hostedZoneId is only the id of the hosted zone, such as Z0123456789ABC, without /hostedzone/"))]
    pub hosted_zone_id: Option<String>,
}

/// What becomes of the organization when its resource is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// The organization stays in AWS as it is.
    #[default]
    Retain,
    /// The organization is deleted with all its mailboxes.
    Delete,
}

/// How the organization is deleted, and the confirmations for it.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// The alias once more, 1 to 62 characters: with deletionPolicy Delete it must equal `alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 62))]
    pub confirm_alias: Option<String>,

    /// True: the directory is deleted with the organization; beside `directoryId` it needs
    /// `confirmOrganizationId`. False (default): it stays in AWS and may be billed.
    #[serde(default)]
    pub delete_directory: bool,

    /// True: the organization is deleted even though it has enabled users; needs
    /// `confirmOrganizationId`. False (default): an organization with enabled users is not deleted.
    #[serde(default)]
    pub force_delete: bool,

    /// The id of the organization that may be deleted, `m-` and 32 hexadecimal digits. Where given
    /// it must be the one in status, else nothing is deleted. Needed with `forceDelete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 34, max = 34))]
    #[x_kube(validation = Rule::new("self.matches('^m-[0-9a-f]{32}$')").message("confirmOrganizationId is m- followed by 32 digits or letters from a to f"))]
    pub confirm_organization_id: Option<String>,

    /// True: the organization's IAM Identity Center application is deleted with it. Default: false.
    #[serde(default)]
    pub delete_identity_center_application: bool,

    /// The organization is deleted only once the mail of every user and resource is exported. Default:
    /// without it exports are not asked for; one that is queued or runs is waited for all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RequireExport")]
    pub require_export: Option<RequireExport>,
}

/// The rule for an optional field that cannot be changed, added or removed once the resource exists.
fn immutable_optional(field: &str) -> kube::core::Rule {
    kube::core::Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(&*format!(
        "{field} is immutable and cannot be added or removed: create a new resource instead (to delete this one, set deletionPolicy to Retain first)"
    ))
    .field_path(format!(".{field}"))
}

fn tags_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 47,
        "additionalProperties": {"type": "string", "maxLength": 256},
        // Server-side apply takes an empty map for null, unless there is a default to merge it with.
        "default": {},
    })
}

/// The `CustomResourceDefinition` as it is installed.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    unsettled(WorkMailOrganization::crd())
}

/// The definition with a status by default that kstatus does not take for settled: nobody has looked at
/// the object yet.
pub(super) fn unsettled(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut();
        let Some(schema) = schema.and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
            continue;
        };
        unwrap_descriptions(schema);
        let properties = schema.properties.as_mut();
        let status = properties.and_then(|properties| properties.get_mut("status"));
        if let Some(status) = status {
            status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
            status.nullable = None;
        }
    }
    crd
}

/// Makes one line of each paragraph of the descriptions: kubectl wraps them.
pub(in crate::api) fn unwrap_descriptions(schema: &mut JSONSchemaProps) {
    if let Some(description) = &mut schema.description {
        let paragraphs = description.split("\n\n");
        let lines = paragraphs.map(|paragraph| paragraph.replace('\n', " "));
        *description = lines.collect::<Vec<_>>().join("\n\n");
    }
    for property in schema.properties.iter_mut().flatten() {
        unwrap_descriptions(property.1);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        unwrap_descriptions(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        unwrap_descriptions(values);
    }
}
