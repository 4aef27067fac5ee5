//! `WorkMailAccount`: an AWS account that the operator works in, and what namespaces may do with it.
#![allow(
    clippy::struct_excessive_bools,
    reason = "each is a permission of the API of its own, also in what is derived"
)]

use std::collections::BTreeMap;

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    jiff::Timestamp,
};
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, ConditionStatus, ConditionType, Reason, organization::unsettled};

/// The account of organizations that name none.
pub const DEFAULT_ACCOUNT: &str = "default";

/// The session name of an assumed role that names none.
pub const DEFAULT_SESSION_NAME: &str = "workmail-operator";

/// Which AWS account this is, with which credentials the operator works in it, and what the namespaces of
/// the cluster may do there.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "workmail-operator.dev",
    version = "v1alpha1",
    kind = "WorkMailAccount",
    plural = "workmailaccounts",
    shortname = "wma",
    category = "workmail",
    category = "aws",
    status = "WorkMailAccountStatus",
    doc = "An AWS account for WorkMailOrganizations: credentials, and rules for namespaces.",
    derive = "PartialEq",
    printcolumn(
        name = "Account",
        type_ = "string",
        json_path = ".status.accountId",
        description = "The AWS account of the credentials"
    ),
    printcolumn(
        name = "Region",
        type_ = "string",
        json_path = ".spec.region",
        description = "The region of organizations that name none"
    ),
    printcolumn(
        name = "Organizations",
        type_ = "integer",
        json_path = ".status.organizations",
        description = "How many WorkMailOrganizations use this account"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether AWS accepts the credentials"
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
        name = "Role",
        type_ = "string",
        json_path = ".spec.assumeRole.arn",
        priority = 1,
        description = "The role that is assumed"
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
    validation = Rule::new("!has(self.region) || !has(self.regions) || self.region in self.regions")
        .message("region must be one of regions")
        .field_path(".region"),
    validation = Rule::new("!has(self.accountId) || !has(self.assumeRole) || self.assumeRole.arn.split(':')[4] == self.accountId")
        .message("assumeRole.arn must be a role of accountId")
        .field_path(".assumeRole"),
)]
pub struct WorkMailAccountSpec {
    /// The AWS account that the credentials must be of, 12 digits. With credentials of another one,
    /// nothing is changed in AWS. Default: whichever they are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 12, max = 12))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{12}$')").message("accountId has 12 digits"))]
    pub account_id: Option<String>,

    /// The region of organizations that name none: us-east-1, us-west-2 or eu-west-1. AWS STS is asked
    /// there, too. Default: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = Rule::new("self in ['us-east-1', 'us-west-2', 'eu-west-1']").message("region must be us-east-1, us-west-2 or eu-west-1: Amazon WorkMail exists nowhere else"))]
    pub region: Option<String>,

    /// The regions that organizations may be in. Default: us-east-1, us-west-2 and eu-west-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Vec<String>",
        length(min = 1, max = 3),
        inner(length(max = 32)),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[x_kube(validation = Rule::new("self.all(region, region in ['us-east-1', 'us-west-2', 'eu-west-1'])").message("regions are us-east-1, us-west-2 and eu-west-1: Amazon WorkMail exists nowhere else"))]
    pub regions: Option<Vec<String>>,

    /// The role that the operator assumes with its own credentials. Default: it works with its own
    /// credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AssumeRole")]
    pub assume_role: Option<AssumeRole>,

    /// Tags of each organization of this account in AWS, at most 10, beside those of its own spec; on the
    /// same key these win. Keys and values as in the tags of an organization.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags_schema")]
    #[x_kube(
        validation = Rule::new("self.all(key, key.size() >= 1 && key.size() <= 128)").message("a tag key has 1 to 128 characters"),
        validation = Rule::new("self.all(key, !key.matches('^[aA][wW][sS]:') && !key.startsWith('workmail-operator.dev/'))").message("tag keys beginning with aws: (in any case) or workmail-operator.dev/ are reserved")
    )]
    pub tags: BTreeMap<String, String>,

    /// The Helm release of the operator that serves this account and writes its status. Default: every
    /// operator of the cluster, of which there is one in most clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253))]
    pub release: Option<String>,

    /// What namespaces may do with this account: the first rule that matches the namespace counts. A
    /// namespace without one may do nothing. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub rules: Vec<AccountRule>,
}

/// A role that the operator assumes.
#[derive(Clone, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRole {
    /// The role's ARN, 20 to 2048 characters.
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$')").message("arn is the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME"))]
    pub arn: String,

    /// The external id that the role's trust policy asks for, 2 to 1224 characters. It is no secret.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 2, max = 1224))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9A-Za-z_+=,.@:/-]+$')").message("externalId has letters, digits and _+=,.@:/- only"))]
    pub external_id: Option<String>,

    /// The name of the session, as `CloudTrail` shows it, 2 to 64 characters. Default: workmail-operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 2, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9A-Za-z_+=,.@-]+$')").message("sessionName has letters, digits and _+=,.@- only"))]
    pub session_name: Option<String>,
}

/// What some namespaces may do with an account.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRule {
    /// The namespaces that this rule is for. Default: all.
    #[serde(default)]
    pub namespaces: RuleNamespaces,

    /// The aliases that organizations may have. `*` stands for any characters; upper and lower case are
    /// the same. Default: all; an empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Vec<String>",
        length(max = 100),
        inner(length(min = 1, max = 64)),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[x_kube(validation = Rule::new("self.all(alias, alias.matches('^[0-9A-Za-z*-]+$'))").message("aliases have letters, digits, hyphens and * only"))]
    pub aliases: Option<Vec<String>>,

    /// The mail domains that organizations may have besides their own under awsapps.com. `*` stands for
    /// any characters. Default: all; an empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Vec<String>",
        length(max = 100),
        inner(length(min = 1, max = 255)),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[x_kube(validation = Rule::new("self.all(domain, domain.matches('^[0-9A-Za-z.*-]+$'))").message("domains have letters, digits, dots, hyphens and * only"))]
    pub domains: Option<Vec<String>>,

    /// Whether organizations that exist already may be adopted, or looked at under managementPolicy
    /// Observe. Default: false.
    #[serde(default)]
    pub adopt: bool,

    /// Whether organizations may be taken over from another owner. Default: false.
    #[serde(default)]
    pub take_over: bool,

    /// Whether organizations may be deleted in AWS. Default: false.
    #[serde(default)]
    pub delete: bool,

    /// Whether organizations with enabled users may be deleted. Default: false.
    #[serde(default)]
    pub force_delete: bool,

    /// Whether the directory may be deleted with the organization. Default: false.
    #[serde(default)]
    pub delete_directory: bool,

    /// The ids of directories that may be named in `directoryId`; `*` for all. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 12)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub directories: Vec<String>,

    /// The ARNs of keys that may be named in `kmsKeyArn`; `*` for all. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 2048)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub kms_keys: Vec<String>,

    /// The ids of Route 53 hosted zones that may be named in `hostedZoneId`; `*` for all. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 32)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub hosted_zones: Vec<String>,

    /// Where mail may be exported to. Default: nowhere.
    #[serde(default)]
    pub exports: RuleExports,

    /// The most that a role that reads mailboxes may be: None, `ReadOnly` or `FullAccess`. Default: None.
    #[serde(default)]
    pub impersonation: Impersonation,

    /// Whether an organization may be deleted only once its mail was exported, whatever the resource says.
    /// Default: false.
    #[serde(default)]
    pub require_export: bool,
}

/// Where mail may be exported to, as globs. A list that is empty allows nothing; `*` allows all.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleExports {
    /// The names of S3 buckets, as globs, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub buckets: Vec<String>,

    /// The prefixes of destinations, as globs such as `workmail/*`, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 1023)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub prefixes: Vec<String>,

    /// The ARNs of roles that `WorkMail` writes with, as globs, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 2048)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub roles: Vec<String>,

    /// The ARNs of keys that encrypt what is exported, as globs, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 2048)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub kms_keys: Vec<String>,
}

/// How far an impersonation role may go.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum Impersonation {
    /// There may be none.
    #[default]
    None,
    /// It may read mailboxes.
    ReadOnly,
    /// It may read and change mailboxes.
    FullAccess,
}

/// Namespaces by name or label. With both, a namespace has to match both; with neither, all match.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleNamespaces {
    /// The names of the namespaces, at most 100. Default: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(min = 1, max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub names: Vec<String>,

    /// The labels of the namespaces. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LabelSelector")]
    pub selector: Option<LabelSelector>,
}

/// A selector of labels, as everywhere in Kubernetes.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels with their values, at most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels_schema")]
    pub match_labels: BTreeMap<String, String>,

    /// Further requirements, at most 16; all of them have to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// What a label has to be.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct LabelRequirement {
    /// The label's key.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// In, `NotIn`, Exists or `DoesNotExist`.
    pub operator: LabelOperator,
    /// The values of In and `NotIn`, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(max = 63)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum LabelOperator {
    /// It has one of the values.
    In,
    /// It is absent or has another value.
    NotIn,
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
}

/// What the operator reports of an account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkMailAccountStatus {
    /// The generation of the spec that the conditions speak of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,

    /// The AWS account of the credentials, as AWS STS told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 12))]
    pub account_id: Option<String>,

    /// How many `WorkMailOrganizations` use this account.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0))]
    pub organizations: i64,

    /// Ready, Reconciling and Stalled as kstatus reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

impl WorkMailAccountStatus {
    /// Returns a condition that keeps its time as long as its status stays.
    #[must_use]
    pub fn condition(
        &self,
        kind: ConditionType,
        status: ConditionStatus,
        (reason, message): (Reason, &str),
        generation: i64,
        now: Timestamp,
    ) -> Condition {
        let mut before = self.conditions.iter();
        let before = before.find(|old| old.r#type == kind.as_str() && old.status == status);
        Condition {
            r#type: kind.as_str().to_owned(),
            status,
            observed_generation: generation,
            last_transition_time: before.map_or_else(
                || Timestamp::from_second(now.as_second()).unwrap_or(now),
                |old| old.last_transition_time,
            ),
            reason: reason.as_str().to_owned(),
            message: message.to_owned(),
        }
    }
}

fn tags_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 10,
        "additionalProperties": {"type": "string", "maxLength": 256},
        "default": {},
    })
}

fn labels_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}

/// The `CustomResourceDefinition` as it is installed.
#[must_use]
pub fn account_crd() -> CustomResourceDefinition {
    unsettled(WorkMailAccount::crd())
}
