//! S3, as the caller's own credentials reach it.

use std::{fmt, ops::Range, str::FromStr, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::{AggregatedBytes, ByteStream},
};

use crate::{
    aws::Bucket,
    proof::{LONGEST_LOG, Log, Object, Trouble},
};

/// How long S3 may send nothing until a download is begun again from where it was.
const STALLED: Duration = Duration::from_mins(1);

/// The most bytes of a document. A manifest of 20,000 mailboxes has about 20 MB.
const LONGEST_DOCUMENT: u64 = 128 << 20;

/// The name of an object: `s3://BUCKET/KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'));
        match parts {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }),
            _ => Err(format!("{text:?} names no object: write s3://BUCKET/KEY")),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, key } = self;
        write!(f, "s3://{bucket}/{key}")
    }
}

impl ObjectName {
    /// Returns the name of another object beside this one.
    pub(super) fn beside(&self, file: &str) -> Self {
        let folder = self.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let key = if folder.is_empty() {
            file.to_owned()
        } else {
            format!("{folder}/{file}")
        };
        Self {
            bucket: self.bucket.clone(),
            key,
        }
    }
}

/// The settings of the SDK for a person's command: its own retries, and no deadline for a whole object.
pub(super) async fn config() -> SdkConfig {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(aws_config::Region::new("us-east-1"));
    aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(10))
                .build(),
        )
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .grace_period(STALLED)
                .build(),
        )
        .load()
        .await
}

/// A bucket of a person's command.
#[derive(Clone, Debug)]
pub(super) struct Store(Bucket);

impl Store {
    /// Opens a bucket in its own region, which S3 names in any answer about it.
    pub(super) async fn open(config: &SdkConfig, bucket: &str, owner: Option<&str>) -> Self {
        let settings = aws_sdk_s3::config::Builder::from(config);
        let client = Bucket::client(settings.clone());
        let head = client
            .head_bucket()
            .bucket(bucket)
            .set_expected_bucket_owner(owner.map(str::to_owned));
        let region = match head.send().await {
            Ok(head) => head.bucket_region().map(str::to_owned),
            Err(error) => error
                .raw_response()
                .and_then(|response| response.headers().get("x-amz-bucket-region"))
                .map(str::to_owned),
        };
        let client = match region {
            Some(region) => Bucket::client(settings.region(aws_config::Region::new(region))),
            None => client,
        };
        Self(Bucket::new(client, bucket, owner.map(str::to_owned)))
    }

    /// Reads what an object is. Its version is the latest where none is given.
    pub(super) async fn head(&self, key: &str, version: Option<&str>) -> Result<Object, Trouble> {
        let head = self.0.head(key, version).await;
        let head = head.map_err(|error| trouble(&error))?;
        let object = self.0.object(key, &head);
        object.ok_or_else(|| Trouble::Failed("S3 said no size".to_owned()))
    }

    /// Begins to read a range of exactly this object: of its version, or of its entity tag.
    pub(super) async fn get(
        &self,
        object: &Object,
        range: &Range<u64>,
    ) -> Result<ByteStream, Trouble> {
        let answer = self.0.get(object, range).await;
        answer
            .map(|answer| answer.body)
            .map_err(|error| trouble(&error))
    }

    /// Reads a range of exactly this object.
    pub(super) async fn read(
        &self,
        object: &Object,
        range: &Range<u64>,
    ) -> Result<Vec<u8>, Trouble> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let body = self.get(object, range).await?.collect().await;
        body.map(AggregatedBytes::to_vec)
            .map_err(|error| Trouble::Failed(DisplayErrorContext(error).to_string()))
    }

    /// Reads a document whole, and what it is.
    pub(super) async fn document(&self, key: &str) -> Result<(Object, Vec<u8>), Trouble> {
        let object = self.head(key, None).await?;
        if object.bytes > LONGEST_DOCUMENT {
            return Err(Trouble::Failed(format!(
                "it has {} bytes, which no document has",
                object.bytes
            )));
        }
        let bytes = self.read(&object, &(0..object.bytes)).await?;
        Ok((object, bytes))
    }

    /// Writes a document.
    pub(super) async fn write(&self, key: &str, text: String) -> Result<(), Trouble> {
        self.0
            .client
            .put_object()
            .bucket(&self.0.name)
            .key(key)
            .content_type("application/json")
            .set_expected_bucket_owner(self.0.owner.clone())
            .body(ByteStream::from(text.into_bytes()))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| trouble(&error))
    }

    /// Looks for the log of an export beside its zip. It is not required, so that a failed read is none.
    pub(super) async fn log_beside(&self, key: &str) -> Option<Log> {
        let (folder, _) = key.rsplit_once('/')?;
        let list = self
            .0
            .client
            .list_objects_v2()
            .bucket(&self.0.name)
            .prefix(format!("{folder}/"))
            .set_expected_bucket_owner(self.0.owner.clone())
            .send()
            .await
            .ok()?;
        for listed in list.contents() {
            let (Some(other), Some(size)) = (listed.key(), listed.size()) else {
                continue;
            };
            let size = u64::try_from(size).unwrap_or(u64::MAX);
            if other == key || size > LONGEST_LOG as u64 || !Log::may_be_called(other, size) {
                continue;
            }
            if let Ok((_, bytes)) = self.document(other).await
                && let Some(log) = Log::parse(&bytes)
            {
                return Some(log);
            }
        }
        None
    }
}

/// Tells a missing object, which S3 says by 404, from everything else.
fn trouble<E>(error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    if status == Some(404) {
        return Trouble::NotFound;
    }
    Trouble::Failed(match (error.code(), error.message(), status) {
        (Some(code), Some(message), _) => format!("{code}: {message}"),
        (Some(code), None, _) => code.to_owned(),
        (None, _, Some(403)) => "access denied, or the bucket has another owner".to_owned(),
        (None, _, Some(412)) => "it was replaced while it was read".to_owned(),
        (None, _, _) => DisplayErrorContext(error).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_bucket_and_key() {
        let name: ObjectName = "s3://acme-mail/workmail/a/manifest.json".parse().unwrap();
        assert_eq!(
            (name.bucket.as_str(), name.key.as_str()),
            ("acme-mail", "workmail/a/manifest.json")
        );
        assert_eq!(
            name.beside("verified.json").to_string(),
            "s3://acme-mail/workmail/a/verified.json"
        );
        let top: ObjectName = "s3://acme-mail/manifest.json".parse().unwrap();
        assert_eq!(top.beside("verified.json").key, "verified.json");
        for wrong in [
            "acme-mail/a",
            "s3://acme-mail",
            "s3://acme-mail/",
            "s3:///a",
            "",
        ] {
            assert!(
                wrong
                    .parse::<ObjectName>()
                    .unwrap_err()
                    .contains("s3://BUCKET/KEY"),
                "{wrong}"
            );
        }
    }
}
