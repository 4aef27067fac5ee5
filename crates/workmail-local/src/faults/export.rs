//! How an export job ends instead of well.

use serde::{Deserialize, Serialize};

use crate::state::Destination;

/// Why an export job fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportCause {
    /// The service cannot assume the role.
    Role,
    /// The role may not use the KMS key, or it does not exist.
    Key,
    /// The condition of the role on the KMS key does not hold, because the bucket has a Bucket
    /// Key.
    BucketKey,
    /// The bucket does not exist.
    Bucket,
    /// The bucket or the key is in another region.
    Region,
    /// The role may not write under the prefix.
    Prefix,
    /// The bucket allows public access.
    PublicBucket,
}

impl ExportCause {
    /// Returns the `ErrorInfo` of a job. The real texts are not published.
    fn text(self, destination: &Destination, region: &str) -> String {
        let Destination {
            role_arn,
            kms_key_arn,
            bucket,
            prefix,
        } = destination;
        let key_denied = |context: &str| {
            format!(
                "The role {role_arn} is not authorized to perform: kms:GenerateDataKey on \
                 resource: {kms_key_arn}{context} (Service: AWSKMS; Status Code: 400; Error Code: \
                 AccessDeniedException)"
            )
        };
        match self {
            Self::Role => format!(
                "User: export.workmail.amazonaws.com is not authorized to perform: sts:AssumeRole \
                 on resource: {role_arn} (Service: AWSSecurityTokenService; Status Code: 403; \
                 Error Code: AccessDenied)"
            ),
            Self::Key => key_denied(""),
            Self::BucketKey => key_denied(&format!(
                " with the encryption context aws:s3:arn = arn:aws:s3:::{bucket}"
            )),
            Self::Bucket => format!(
                "The specified bucket does not exist: {bucket} (Service: Amazon S3; Status Code: \
                 404; Error Code: NoSuchBucket)"
            ),
            Self::Region => format!(
                "The bucket {bucket} and the key {kms_key_arn} must be in the region {region} \
                 (Service: Amazon S3; Status Code: 301; Error Code: PermanentRedirect)"
            ),
            Self::Prefix => format!(
                "The role {role_arn} is not authorized to perform: s3:PutObject on resource: \
                 arn:aws:s3:::{bucket}/{prefix} (Service: Amazon S3; Status Code: 403; Error \
                 Code: AccessDenied)"
            ),
            Self::PublicBucket => format!(
                "The bucket {bucket} allows public access, and mailboxes are not exported to \
                 public buckets."
            ),
        }
    }
}

/// How an export job ends instead of well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExportEnd {
    /// It is Failed, for a cause whose text is not made yet.
    Cause(ExportCause),
    /// It is Failed, with this `ErrorInfo`.
    Fail(String),
    /// It stays Running.
    Hang,
}

/// The longest `ErrorInfo` that the model allows, in characters.
const LONGEST_INFO: usize = 1024;

impl ExportEnd {
    /// Returns the same end with its text.
    pub(crate) fn told(self, destination: &Destination, region: &str) -> Self {
        let text = match self {
            Self::Cause(cause) => cause.text(destination, region),
            Self::Fail(text) => text,
            Self::Hang => return Self::Hang,
        };
        Self::Fail(text.chars().take(LONGEST_INFO).collect())
    }
}
