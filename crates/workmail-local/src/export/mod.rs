//! What export jobs write: an archive of a mailbox, in the bucket that the job names.

mod content;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region},
    error::{DisplayErrorContext, ProvideErrorMetadata},
    primitives::ByteStream,
    types::ServerSideEncryption,
};
use serde::Deserialize;

use self::content::{Archive, Mailbox};
use crate::{
    endpoint::Endpoint,
    ids::OrganizationId,
    knobs::ExportLog,
    state::{Destination, Job},
};

/// The S3 server that export jobs write to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct S3Target {
    /// The URL.
    pub endpoint: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
}

impl S3Target {
    fn client(&self, region: &str) -> Client {
        let Self {
            endpoint,
            access_key,
            secret_key,
        } = self;
        let keys = Credentials::new(access_key, secret_key, None, None, "workmail-local");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .credentials_provider(keys)
            .build();
        Client::from_conf(config)
    }
}

/// How often a job checks whether its time is over. Tests move the clock.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Writes the mailbox of a job when its time is over, if the job still runs then.
pub(crate) fn spawn(endpoint: &Endpoint, organization: OrganizationId, job: String) {
    if let Some(target) = endpoint.s3().cloned() {
        let endpoint = endpoint.clone();
        tokio::spawn(async move {
            while let Wait::Longer = wait(&endpoint, organization, &job) {
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
            if let Wait::Due(task) = wait(&endpoint, organization, &job) {
                let error = task.write(&target).await.err();
                endpoint.finish_export(organization, &job, error);
            }
        });
    }
}

enum Wait {
    Longer,
    Due(Box<Task>),
    Over,
}

fn wait(endpoint: &Endpoint, organization: OrganizationId, id: &str) -> Wait {
    let now = endpoint.clock().now();
    let mut state = endpoint.state();
    let (log, largest) = (state.knobs.export_log, state.knobs.export_largest);
    let Some(organization) = state.find_mut(organization) else {
        return Wait::Over;
    };
    organization.exports.catch_up(now);
    let entities = &organization.entities;
    match organization.exports.get(id) {
        Some(job) if job.is_running() && !job.is_due(now) => Wait::Longer,
        Some(job) if job.is_running() => {
            let entity = entities.get(&job.entity_id);
            Wait::Due(Box::new(Task {
                job: job.clone(),
                region: organization.location.region.clone(),
                mailbox: Mailbox {
                    name: entity.map_or_else(String::new, |entity| entity.name.clone()),
                    address: entity.and_then(|entity| entity.email.clone()),
                    megabytes: entity.map_or(0.0, |entity| entity.mailbox_size),
                    largest,
                    log,
                },
            }))
        }
        Some(_) | None => Wait::Over,
    }
}

/// A mailbox that is due to be written.
struct Task {
    job: Job,
    region: String,
    mailbox: Mailbox,
}

impl Task {
    /// Writes the archive, and the log if it is beside it.
    ///
    /// # Errors
    /// The `ErrorInfo` of the job.
    async fn write(self, target: &S3Target) -> Result<(), String> {
        let Self {
            job,
            region,
            mailbox,
        } = self;
        let beside = mailbox.log == ExportLog::Beside;
        let started = job.started_at;
        let made = tokio::task::spawn_blocking(move || content::archive(&mailbox, started)).await;
        let Archive { zip, log } = made
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let client = target.client(&region);
        let key = job.key();
        put(&client, &job.destination, &key, zip).await?;
        if beside {
            let key = format!("{}.json", key.trim_end_matches(".zip"));
            put(&client, &job.destination, &key, log).await?;
        }
        Ok(())
    }
}

async fn put(
    client: &Client,
    destination: &Destination,
    key: &str,
    body: Vec<u8>,
) -> Result<(), String> {
    let sent = client
        .put_object()
        .bucket(&destination.bucket)
        .key(key)
        .body(ByteStream::from(body))
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(&destination.kms_key_arn)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(()),
        Err(error) => Err(match (error.code(), error.message()) {
            (Some(code), text) => format!(
                "{} (Service: Amazon S3; Error Code: {code})",
                text.unwrap_or(code)
            ),
            (None, _) => DisplayErrorContext(&error).to_string(),
        }),
    }
}
