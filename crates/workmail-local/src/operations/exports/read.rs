//! DescribeMailboxExportJob, ListMailboxExportJobs.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::before,
    operations::{
        ApiError, Completed, Request, active_organization, epoch, object,
        paging::{Page, PageInput},
        parse,
    },
    state::{Destination, ExportState, Job, State},
};

/// For how long after its start a job is listed. Source: the documentation of the list.
const LISTED_FOR: Duration = Duration::from_hours(7 * 24);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeInput {
    organization_id: String,
    job_id: String,
}

pub(in crate::operations) fn describe(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    let input: DescribeInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let job = organization
        .exports
        .get(&input.job_id)
        .ok_or_else(|| ApiError::entity_not_found(&input.job_id))?;
    let Destination {
        role_arn,
        kms_key_arn,
        prefix,
        ..
    } = &job.destination;
    let mut output = summary(job, request.now);
    if let Some(members) = output.as_object_mut() {
        members.remove("JobId");
        members.insert("RoleArn".to_owned(), json!(role_arn));
        members.insert("KmsKeyArn".to_owned(), json!(kms_key_arn));
        members.insert("S3Prefix".to_owned(), json!(prefix));
        if let Some(text) = &job.error_info {
            members.insert("ErrorInfo".to_owned(), json!(text));
        }
    }
    Ok(Completed::read(output, Some(organization.id)))
}

#[derive(Deserialize)]
struct ListInput {
    #[serde(rename = "OrganizationId")]
    organization_id: String,
    #[serde(flatten)]
    page: PageInput,
}

pub(in crate::operations) fn list(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    let input: ListInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let list = format!("exports of {}", organization.id);
    let page = Page::of(state, list, input.page)?;
    let since = before(request.now, LISTED_FOR);
    let listed = organization
        .exports
        .after(page.after)
        .filter(|job| job.started_at > since)
        .map(|job| (job.serial, summary(job, request.now)));
    let output = page.output("Jobs", listed);
    Ok(Completed::read(output, Some(organization.id)))
}

/// Returns the members that lists and descriptions have.
fn summary(job: &Job, now: Timestamp) -> Value {
    let is_completed = job.state == ExportState::Completed;
    object([
        ("JobId", Some(json!(job.id))),
        ("EntityId", Some(json!(job.entity_id))),
        ("Description", job.description.as_deref().map(Value::from)),
        ("S3BucketName", Some(json!(job.destination.bucket))),
        ("S3Path", is_completed.then(|| json!(job.key()))),
        ("EstimatedProgress", Some(json!(job.progress(now)))),
        ("State", Some(json!(job.state))),
        ("StartTime", Some(epoch(job.started_at))),
        ("EndTime", job.ended_at.map(epoch)),
    ])
}
