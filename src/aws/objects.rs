//! The objects of a bucket in S3: one method a call.
//!
//! What it must not do: reach a bucket of another owner, take a failed read for a missing object, or keep
//! more bytes than were asked for.

#[cfg(test)]
mod tests;

use std::{error::Error, ops::Range, sync::Arc};

use aws_sdk_s3::{
    Client,
    config::{Builder, ResponseChecksumValidation, http::HttpResponse},
    error::{ConnectorError, ProvideErrorMetadata, SdkError},
    operation::{
        RequestId,
        get_object::{GetObjectError, GetObjectOutput},
        head_object::{HeadObjectError, HeadObjectOutput},
    },
    primitives::ByteStream,
};
use serde_json::json;

use super::{
    CallError,
    gateway::{DEADLINE, Gateway},
    organizations::Done,
    session::Session,
};
use crate::{
    logic::{AccountId, ErrorKind, Operation, Region},
    proof::{Head, Log, Object},
};

/// What S3 answers for an object, or a version of one, that does not exist.
const ABSENT: [&str; 3] = ["NotFound", "NoSuchKey", "NoSuchVersion"];

/// As many objects beside a zip may be its log.
const BESIDE: i32 = 10;

/// A bucket. Every request names the owner that it is expected to have, where that is known.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) owner: Option<String>,
}

impl Bucket {
    /// A client for buckets. Objects are checked by what reads them: a second checksum would only cost time.
    #[must_use]
    pub fn client(settings: Builder) -> Client {
        let settings =
            settings.response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        Client::from_conf(settings.build())
    }

    /// A bucket, as this client reaches it.
    #[must_use]
    pub fn new(client: Client, name: &str, owner: Option<String>) -> Self {
        Self {
            client,
            name: name.to_owned(),
            owner,
        }
    }

    /// Asks what an object is. Its version is the latest where none is given.
    ///
    /// # Errors
    /// Those of the SDK.
    pub async fn head(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<HeadObjectOutput, SdkError<HeadObjectError, HttpResponse>> {
        self.client
            .head_object()
            .bucket(&self.name)
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .set_expected_bucket_owner(self.owner.clone())
            .send()
            .await
    }

    /// Returns which object an answer describes; `None` if it says no size.
    #[must_use]
    pub fn object(&self, key: &str, head: &HeadObjectOutput) -> Option<Object> {
        let bytes = head
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        // A bucket without versions answers with none, or with "null".
        let version = head.version_id().filter(|version| *version != "null");
        Some(Object {
            bucket: self.name.clone(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            e_tag: head.e_tag().map(str::to_owned),
            bytes: bytes?,
        })
    }

    /// Begins to read a range of exactly this object: of its version, or of its entity tag.
    ///
    /// # Errors
    /// Those of the SDK.
    pub async fn get(
        &self,
        object: &Object,
        range: &Range<u64>,
    ) -> Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> {
        let tag = object.e_tag.clone().filter(|_| object.version_id.is_none());
        self.client
            .get_object()
            .bucket(&self.name)
            .key(&object.key)
            .set_version_id(object.version_id.clone())
            .set_if_match(tag)
            .range(format!(
                "bytes={}-{}",
                range.start,
                range.end.saturating_sub(1)
            ))
            .set_expected_bucket_owner(self.owner.clone())
            .send()
            .await
    }
}

/// Where the exports of an organization are, and how they are read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The region, which is that of the organization.
    pub region: Region,
    /// The bucket.
    pub bucket: String,
    /// What all keys begin with, without a slash at its end.
    pub prefix: String,
    /// The ARN of the key that encrypts the exports.
    pub key: String,
    /// The account that owns the bucket.
    pub owner: AccountId,
    /// The ARN of the role that is assumed to read and to write there.
    pub read_role: Option<String>,
}

impl Place {
    pub(super) fn reader(&self) -> Option<Reader> {
        let Self {
            region,
            bucket,
            prefix,
            key,
            owner: _,
            read_role,
        } = self.clone();
        read_role.map(|role| Reader {
            role,
            region,
            bucket,
            prefix,
            key,
        })
    }
}

/// A role that is assumed for one place alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    pub(super) role: String,
    pub(super) region: Region,
    bucket: String,
    prefix: String,
    key: String,
}

impl Reader {
    /// The session policy: whatever the role may do, here it reads and writes below the prefix alone. The
    /// right to list is what makes S3 answer 404 and not 403 for an object that does not exist.
    pub(super) fn policy(&self) -> String {
        let partition = self.role.split(':').nth(1).unwrap_or("aws");
        // A `*` of the prefix is one, and stands for nothing else.
        let below = format!("{}/*", self.prefix.replace('*', "${*}"));
        let bucket = format!("arn:{partition}:s3:::{}", self.bucket);
        json!({"Version": "2012-10-17", "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
                "Resource": format!("{bucket}/{below}"),
            },
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket,
                "Condition": {"StringLikeIfExists": {"s3:prefix": below}},
            },
            {
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": self.key,
            },
        ]})
        .to_string()
    }
}

/// The objects of a place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    bucket: Bucket,
    region: Region,
    door: Arc<Gateway>,
    session: Session,
    namespace: Option<Arc<str>>,
}

impl Objects {
    pub(super) const fn new(
        bucket: Bucket,
        region: Region,
        door: Arc<Gateway>,
        session: Session,
    ) -> Self {
        Self {
            bucket,
            region,
            door,
            session,
            namespace: None,
        }
    }

    /// The same, for an object of a namespace: its calls take turns of that namespace.
    #[must_use]
    pub fn for_namespace(mut self, namespace: Arc<str>) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Asks what an object is, or a version of it; `None` if S3 says that it does not exist.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn head(&self, key: &str, version: Option<&str>) -> Result<Option<Head>, CallError> {
        let operation = Operation::HeadObject;
        let request = self.bucket.head(key, version);
        let answer = Box::pin(self.call(operation, request)).await;
        let Some(head) = known(answer)? else {
            return Ok(None);
        };
        let object = self.bucket.object(key, &head);
        let object = object.ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable))?;
        Ok(Some(Head {
            object,
            encryption: head
                .server_side_encryption()
                .map(|kind| kind.as_str().to_owned()),
            key: head.ssekms_key_id().map(str::to_owned),
        }))
    }

    /// Reads a range of exactly this object; `None` if S3 says that it does not exist. Never keeps more
    /// bytes than the range has.
    ///
    /// # Errors
    /// It could not be read, or was replaced since.
    pub async fn range(
        &self,
        object: &Object,
        range: &Range<u64>,
    ) -> Result<Option<Vec<u8>>, CallError> {
        if range.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let operation = Operation::GetObject;
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let read = async {
            let answer = self.bucket.get(object, range).await?;
            collect(answer.body, wanted).await
        };
        let answer = Box::pin(self.call(operation, read)).await;
        match known(answer)? {
            Some(Some(bytes)) => Ok(Some(bytes)),
            Some(None) => Err(CallError::new(operation, ErrorKind::Undecodable)),
            None => Ok(None),
        }
    }

    /// Looks for the log of an export beside its zip; `None` if none of the first objects there is one.
    ///
    /// # Errors
    /// The objects beside it could not be listed or read.
    pub async fn log_beside(&self, key: &str) -> Result<Option<Log>, CallError> {
        let Some((folder, _)) = key.rsplit_once('/') else {
            return Ok(None);
        };
        let Bucket {
            client,
            name,
            owner,
        } = &self.bucket;
        let request = client
            .list_objects_v2()
            .bucket(name)
            .prefix(format!("{folder}/"))
            .max_keys(BESIDE)
            .set_expected_bucket_owner(owner.clone());
        let listed = Box::pin(self.call(Operation::ListObjectsV2, request.send())).await?;
        for other in listed.contents() {
            let size = other.size().and_then(|size| u64::try_from(size).ok());
            let (Some(other), Some(bytes)) = (other.key(), size) else {
                continue;
            };
            if other == key || !Log::may_be_called(other, bytes) {
                continue;
            }
            let object = Object {
                bucket: name.clone(),
                key: other.to_owned(),
                version_id: None,
                e_tag: None,
                bytes,
            };
            let content = Box::pin(self.range(&object, &(0..bytes))).await?;
            if let Some(log) = content.and_then(|content| Log::parse(&content)) {
                return Ok(Some(log));
            }
        }
        Ok(None)
    }

    /// Writes an object.
    ///
    /// # Errors
    /// S3 refused it, or its answer is not known.
    pub async fn put(
        &self,
        key: &str,
        content_type: &str,
        content: Vec<u8>,
    ) -> Result<Done<Option<String>>, CallError> {
        let Bucket {
            client,
            name,
            owner,
        } = &self.bucket;
        let request = client
            .put_object()
            .bucket(name)
            .key(key)
            .content_type(content_type)
            .set_expected_bucket_owner(owner.clone())
            .body(ByteStream::from(content));
        let answer = Box::pin(self.call(Operation::PutObject, request.send())).await?;
        let version = answer.version_id().map(str::to_owned);
        Ok(Done::by(&answer, version))
    }

    /// Makes one call. An answer that the credentials themselves are not accepted is told to their source.
    async fn call<T, E>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId + Error,
    {
        let namespace = self.namespace.as_ref();
        let answer = self.door.call(operation, DEADLINE, namespace, request);
        answer
            .await
            .inspect_err(|error| self.session.failed(error, &self.region))
    }
}

/// What S3 knows; `None` where it says that the object does not exist.
fn known<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if ABSENT.iter().any(|code| error.is(code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a body; `None` if it has more or fewer bytes than wanted.
async fn collect(
    mut body: ByteStream,
    wanted: usize,
) -> Result<Option<Vec<u8>>, SdkError<GetObjectError, HttpResponse>> {
    let mut bytes = Vec::new();
    while let Some(part) = body.next().await {
        let broken = |error| SdkError::dispatch_failure(ConnectorError::io(Box::new(error)));
        bytes.extend_from_slice(&part.map_err(broken)?);
        if bytes.len() > wanted {
            return Ok(None);
        }
    }
    Ok((bytes.len() == wanted).then_some(bytes))
}
