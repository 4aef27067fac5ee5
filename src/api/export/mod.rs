//! The export kinds: `WorkMailMailboxExport` (one mailbox) and `WorkMailOrganizationExport` (all of them).

mod mailbox;
mod mailbox_status;
mod organization;
mod organization_status;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON,
};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organization::unwrap_descriptions;
pub use mailbox::{WorkMailMailboxExport, WorkMailMailboxExportSpec, mailbox_export_crd};
pub use mailbox_status::{
    AttemptState, AttemptStatus, ExportLog, ExportProof, ExportState, PendingExport,
    PendingExportOperation, ProofReason, WorkMailMailboxExportStatus,
};
pub use organization::{
    MailboxSelection, WorkMailOrganizationExport, WorkMailOrganizationExportSpec,
    organization_export_crd,
};
pub use organization_status::{ExportFailure, WorkMailOrganizationExportStatus};

/// The finalizer of a mailbox export, present only while a job of it may run.
pub const EXPORT_FINALIZER: &str = "workmail-operator.dev/mailbox-export";

/// The label of mailbox exports that an organization export has made: the UID of that export.
pub const EXPORT_UID: &str = "workmail-operator.dev/export-uid";

/// The `WorkMailOrganization` whose mailboxes are exported.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct OrganizationRef {
    /// Its name, in the namespace of this resource.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Where exports are written. Bucket, key and organization are in one region.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The S3 bucket, 3 to 63 characters. It must not be public.
    #[schemars(length(min = 3, max = 63))]
    pub bucket: String,

    /// The beginning of every key, 1 to 512 characters, without a slash at its ends. A mailbox goes to
    /// `PREFIX/UID/ENTITY-ID/ATTEMPT/`, where UID is the first 8 characters of the export's UID.
    #[schemars(length(min = 1, max = 512))]
    pub prefix: String,

    /// The ARN of the IAM role that WorkMail's export service takes on to write to the bucket.
    #[schemars(length(min = 20, max = 2048))]
    pub role_arn: String,

    /// The ARN of the symmetric KMS key that encrypts the exports; the ARN of the key itself, not of an
    /// alias.
    #[schemars(length(min = 20, max = 2048))]
    pub kms_key_arn: String,

    /// The ARN of an IAM role that the operator assumes to read the exports and to write the manifest beside
    /// them, and for nothing else. Default: it does that with the credentials of the organization's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 20, max = 2048))]
    pub read_role_arn: Option<String>,

    /// The id of the AWS account that owns the bucket, 12 digits. Default: the organization's account. Every
    /// request to the bucket names it as the expected owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 12, max = 12))]
    pub bucket_account_id: Option<String>,
}

/// The rules of a destination, as rules of the object that has it at `path`.
fn destination_rules() -> [Rule; 7] {
    let rule = |rule: &str, message: &str, field: &str| {
        Rule::new(rule)
            .message(message)
            .field_path(format!(".destination.{field}"))
    };
    [
        rule(
            "self.destination.bucket.matches('^[a-z0-9.-]+$')",
            "bucket has only lower case letters, digits, dots and hyphens",
            "bucket",
        ),
        rule(
            "self.destination.prefix.matches(\"^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*$\")",
            "prefix has only letters, digits and !_.*'()- between single slashes: WorkMail accepts no @, +, % or = in it",
            "prefix",
        ),
        rule(
            "self.destination.roleArn.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$')",
            "roleArn is the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME",
            "roleArn",
        ),
        rule(
            "!self.destination.kmsKeyArn.contains(':alias/')",
            "kmsKeyArn is the ARN of the key itself: WorkMail accepts no alias here",
            "kmsKeyArn",
        ),
        rule(
            "self.destination.kmsKeyArn.contains(':alias/') || self.destination.kmsKeyArn.matches('^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$')",
            "kmsKeyArn is the ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID",
            "kmsKeyArn",
        ),
        rule(
            "!has(self.destination.readRoleArn) || self.destination.readRoleArn.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$')",
            "readRoleArn is the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME",
            "readRoleArn",
        ),
        rule(
            "!has(self.destination.bucketAccountId) || self.destination.bucketAccountId.matches('^[0-9]{12}$')",
            "bucketAccountId is the id of an AWS account: 12 digits",
            "bucketAccountId",
        ),
    ]
}

/// How an export is checked before it counts as done.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum Verification {
    /// The job is COMPLETED and AWS names the object that it wrote.
    None,
    /// The object is there, is not empty, and is encrypted with the key of the spec.
    Head,
    /// That, and the directory of the zip is whole and has about as much as the mailbox.
    #[default]
    Content,
}

/// The definition with a status that says that nobody has read the object yet: without it, kstatus takes
/// the object for a settled one.
fn with_default_status(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
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
    definition
}
