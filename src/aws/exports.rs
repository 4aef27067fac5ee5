//! Export jobs, and the users and resources whose mailboxes they export: one method a call.

use aws_sdk_workmail::{
    operation::describe_mailbox_export_job::DescribeMailboxExportJobOutput,
    primitives::DateTime,
    types::{
        EntityState as AwsState, MailboxExportJob, MailboxExportJobState, Resource, User, UserRole,
    },
};
use k8s_openapi::jiff::Timestamp;

use super::{
    CallError,
    organizations::{Done, Organizations, PAGE},
};
use crate::logic::{
    ErrorKind, Operation, OrganizationId,
    export::{Entity, EntityKind, EntityState, Job, JobId, JobState, mailbox::Start},
};

/// A list with more pages than this is taken for an endless one.
const MOST_PAGES: usize = 1000;

/// What AWS answers for something that it does not know.
const ABSENT: [&str; 2] = ["EntityNotFoundException", "ResourceNotFoundException"];

impl Organizations {
    /// Starts an export job.
    ///
    /// # Errors
    /// AWS refused it, or its answer is not known.
    pub async fn start_export(
        &self,
        id: &OrganizationId,
        start: &Start,
    ) -> Result<Done<JobId>, CallError> {
        let operation = Operation::StartMailboxExportJob;
        let request = self
            .client
            .start_mailbox_export_job()
            .client_token(&start.token)
            .organization_id(id.as_str())
            .entity_id(&start.entity)
            .description(&start.description)
            .role_arn(&start.role)
            .kms_key_arn(&start.key)
            .s3_bucket_name(&start.bucket)
            .s3_prefix(&start.prefix);
        let answer = Box::pin(self.call(operation, request.send())).await?;
        let job = answer.job_id().map(|job| JobId(job.to_owned()));
        let job = job.ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable))?;
        Ok(Done::by(&answer, job))
    }

    /// Cancels an export job.
    ///
    /// # Errors
    /// AWS refused it, or its answer is not known.
    pub async fn cancel_export(
        &self,
        id: &OrganizationId,
        job: &JobId,
    ) -> Result<Done<()>, CallError> {
        let operation = Operation::CancelMailboxExportJob;
        let request = self
            .client
            .cancel_mailbox_export_job()
            .client_token(&job.0)
            .organization_id(id.as_str())
            .job_id(&job.0);
        let answer = Box::pin(self.call(operation, request.send())).await?;
        Ok(Done::by(&answer, ()))
    }

    /// Describes an export job; `None` if AWS does not know it.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn export_job(
        &self,
        id: &OrganizationId,
        job: &JobId,
    ) -> Result<Option<Job>, CallError> {
        let operation = Operation::DescribeMailboxExportJob;
        let request = self
            .client
            .describe_mailbox_export_job()
            .organization_id(id.as_str())
            .job_id(&job.0);
        let answer = self.call(operation, request.send()).await;
        Ok(known(answer)?.map(|answer| described(job, answer)))
    }

    /// Lists the export jobs that were started in the last seven days, and how many pages they are on.
    ///
    /// # Errors
    /// A page could not be read: a list is whole.
    pub async fn export_jobs(&self, id: &OrganizationId) -> Result<(Vec<Job>, usize), CallError> {
        let operation = Operation::ListMailboxExportJobs;
        let (mut jobs, mut token) = (Vec::new(), None);
        for page in 1..=MOST_PAGES {
            let request = self
                .client
                .list_mailbox_export_jobs()
                .organization_id(id.as_str())
                .max_results(PAGE)
                .set_next_token(token);
            let answer = Box::pin(self.call(operation, request.send())).await?;
            token = answer
                .next_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            jobs.extend(
                answer
                    .jobs
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(listed),
            );
            if token.is_none() {
                return Ok((jobs, page));
            }
        }
        Err(CallError::new(operation, ErrorKind::Undecodable))
    }

    /// Lists the users and resources, without the built-in ones of the directory.
    ///
    /// # Errors
    /// A page could not be read: a list is whole.
    pub async fn entities(&self, id: &OrganizationId) -> Result<Vec<Entity>, CallError> {
        let mut entities = Vec::new();
        Box::pin(self.users(id, &mut entities)).await?;
        self.resources(id, &mut entities).await?;
        Ok(entities)
    }

    async fn users(&self, id: &OrganizationId, into: &mut Vec<Entity>) -> Result<(), CallError> {
        let operation = Operation::ListUsers;
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let request = self
                .client
                .list_users()
                .organization_id(id.as_str())
                .max_results(PAGE)
                .set_next_token(token);
            let answer = Box::pin(self.call(operation, request.send())).await?;
            token = answer
                .next_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            into.extend(
                answer
                    .users
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(user),
            );
            if token.is_none() {
                return Ok(());
            }
        }
        Err(CallError::new(operation, ErrorKind::Undecodable))
    }

    async fn resources(
        &self,
        id: &OrganizationId,
        into: &mut Vec<Entity>,
    ) -> Result<(), CallError> {
        let operation = Operation::ListResources;
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let request = self
                .client
                .list_resources()
                .organization_id(id.as_str())
                .max_results(PAGE)
                .set_next_token(token);
            let answer = Box::pin(self.call(operation, request.send())).await?;
            token = answer
                .next_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            into.extend(
                answer
                    .resources
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(resource),
            );
            if token.is_none() {
                return Ok(());
            }
        }
        Err(CallError::new(operation, ErrorKind::Undecodable))
    }

    /// Describes a user or resource, by its id, name or address; `None` if AWS knows neither.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn entity(
        &self,
        id: &OrganizationId,
        word: &str,
    ) -> Result<Option<Entity>, CallError> {
        let request = self
            .client
            .describe_user()
            .organization_id(id.as_str())
            .user_id(word);
        let user = known(self.call(Operation::DescribeUser, request.send()).await)?;
        if let Some(user) = user {
            let built_in = is_built_in(user.user_role());
            return Ok(user.user_id.filter(|_| !built_in).map(|id| Entity {
                kind: EntityKind::User,
                name: user.name.unwrap_or_default(),
                email: user.email,
                display_name: user.display_name,
                state: state(user.state.as_ref()),
                disabled_at: user.disabled_date.as_ref().and_then(time),
                bytes: None,
                id,
            }));
        }
        let request = self
            .client
            .describe_resource()
            .organization_id(id.as_str())
            .resource_id(word);
        let resource = known(self.call(Operation::DescribeResource, request.send()).await)?;
        Ok(resource.and_then(|resource| {
            Some(Entity {
                id: resource.resource_id?,
                kind: EntityKind::Resource,
                name: resource.name.unwrap_or_default(),
                email: resource.email,
                display_name: None,
                state: state(resource.state.as_ref()),
                disabled_at: resource.disabled_date.as_ref().and_then(time),
                bytes: None,
            })
        }))
    }

    /// Returns the size of a user's mailbox in bytes; `None` where AWS knows none.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn mailbox_size(
        &self,
        id: &OrganizationId,
        user: &str,
    ) -> Result<Option<u64>, CallError> {
        let request = self
            .client
            .get_mailbox_details()
            .organization_id(id.as_str())
            .user_id(user);
        let details = known(
            self.call(Operation::GetMailboxDetails, request.send())
                .await,
        )?;
        Ok(details.and_then(|details| bytes(details.mailbox_size)))
    }
}

/// What AWS knows; `None` where it says that it knows nothing of that name.
fn known<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if ABSENT.iter().any(|code| error.is(code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A size in MB (WorkMail API reference, `GetMailboxDetails`), in bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is checked to be positive, and no mailbox has 2^63 bytes"
)]
fn bytes(megabytes: f64) -> Option<u64> {
    let bytes = megabytes * 1024.0 * 1024.0;
    (bytes.is_finite() && (0.0..9e18).contains(&bytes)).then_some(bytes as u64)
}

fn time(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

fn is_built_in(role: Option<&UserRole>) -> bool {
    matches!(role, Some(UserRole::SystemUser | UserRole::RemoteUser))
}

// AWS may invent states; none of them is taken for the end of a mailbox.
fn state(state: Option<&AwsState>) -> EntityState {
    match state {
        Some(AwsState::Deleted) => EntityState::Deleted,
        Some(AwsState::Disabled) => EntityState::Disabled,
        _ => EntityState::Enabled,
    }
}

fn user(user: User) -> Option<Entity> {
    let built_in = is_built_in(user.user_role.as_ref());
    let id = user.id.filter(|_| !built_in)?;
    Some(Entity {
        id,
        kind: EntityKind::User,
        name: user.name.unwrap_or_default(),
        email: user.email,
        display_name: user.display_name,
        state: state(user.state.as_ref()),
        disabled_at: user.disabled_date.as_ref().and_then(time),
        bytes: None,
    })
}

fn resource(resource: Resource) -> Option<Entity> {
    Some(Entity {
        id: resource.id?,
        kind: EntityKind::Resource,
        name: resource.name.unwrap_or_default(),
        email: resource.email,
        display_name: None,
        state: state(resource.state.as_ref()),
        disabled_at: resource.disabled_date.as_ref().and_then(time),
        bytes: None,
    })
}

// AWS may invent states; a job in one keeps its slot.
fn job_state(state: Option<&MailboxExportJobState>) -> JobState {
    match state {
        Some(MailboxExportJobState::Completed) => JobState::Completed,
        Some(MailboxExportJobState::Failed) => JobState::Failed,
        Some(MailboxExportJobState::Cancelled) => JobState::Cancelled,
        _ => JobState::Running,
    }
}

fn percent(progress: i32) -> u32 {
    u32::try_from(progress).unwrap_or_default().min(100)
}

fn listed(job: MailboxExportJob) -> Option<Job> {
    Some(Job {
        id: JobId(job.job_id?),
        entity: job.entity_id.unwrap_or_default(),
        description: job.description.unwrap_or_default(),
        state: job_state(job.state.as_ref()),
        progress: percent(job.estimated_progress),
        path: job.s3_path,
        error: None,
        started_at: job.start_time.as_ref().and_then(time),
        ended_at: job.end_time.as_ref().and_then(time),
        is_whole: false,
    })
}

fn described(id: &JobId, job: DescribeMailboxExportJobOutput) -> Job {
    Job {
        id: id.clone(),
        entity: job.entity_id.unwrap_or_default(),
        description: job.description.unwrap_or_default(),
        state: job_state(job.state.as_ref()),
        progress: percent(job.estimated_progress),
        path: job.s3_path,
        error: job.error_info,
        started_at: job.start_time.as_ref().and_then(time),
        ended_at: job.end_time.as_ref().and_then(time),
        is_whole: true,
    }
}
