//! StartMailboxExportJob, CancelMailboxExportJob, DescribeMailboxExportJob,
//! ListMailboxExportJobs.

mod read;

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

pub(super) use self::read::{describe, list};
use super::{ApiError, Completed, Request, active_organization, parse, rights, tokens};
use crate::{
    clock::before,
    faults::{ExportCause, ExportEnd},
    ids,
    knobs::Knobs,
    seeds::EntityState,
    state::{Destination, Entity, ExportState, Exports, Job, Organization, State},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartInput {
    client_token: String,
    organization_id: String,
    entity_id: String,
    description: Option<String>,
    role_arn: String,
    kms_key_arn: String,
    s3_bucket_name: String,
    s3_prefix: String,
}

pub(super) fn start(state: &mut State, request: Request<'_>) -> Result<Completed, ApiError> {
    let input: StartInput = parse(&request.input)?;
    let organization = active_organization(state, &request, &input.organization_id)?;
    let id = organization.id;
    let token = tokens::key(&request, Some(input.client_token));
    if let Some(known) = tokens::repeated(state, &request, token.as_ref())? {
        return Ok(known);
    }
    let knobs = &state.knobs;
    let entity = exportable(organization, &input.entity_id, knobs)?;
    check_limits(&organization.exports, &entity.id, knobs, &request)?;
    rights::require(request.caller, [(true, rights::EXPORT)])?;

    let destination = Destination {
        role_arn: input.role_arn,
        kms_key_arn: input.kms_key_arn,
        bucket: input.s3_bucket_name,
        prefix: input.s3_prefix,
    };
    let region = &organization.location.region;
    let end = request.export_end.clone();
    let end = end
        .or_else(|| wrong_key(&destination, region).map(ExportEnd::Cause))
        .map(|end| end.told(&destination, region));
    let job = Job {
        id: ids::uuid(),
        serial: 0,
        entity_id: entity.id.clone(),
        description: input.description,
        destination,
        state: ExportState::Running,
        started_at: request.now,
        ended_at: None,
        error_info: None,
        takes: duration(knobs, entity.mailbox_size),
        end,
        uploads: state.has_s3,
    };
    let job_id = job.id.clone();
    if let Some(organization) = state.find_mut(id) {
        organization.exports.add(job);
    }
    let output = json!({"JobId": job_id});
    tokens::store(state, request, token, id, Some(output.clone()));
    Ok(Completed {
        output: Some(output),
        organization: Some(id),
        effect: true,
    })
}

/// Returns the user or the resource whose mailbox can be exported.
fn exportable<'o>(
    organization: &'o Organization,
    identifier: &str,
    knobs: &Knobs,
) -> Result<&'o Entity, ApiError> {
    let entity = organization.entities.find(identifier, |_| true);
    let entity = entity.ok_or_else(|| ApiError::entity_not_found(identifier))?;
    if !entity.has_mailbox() {
        let text = format!("The entity {identifier} has no mailbox.");
        return Err(ApiError::invalid_parameter(text));
    }
    if entity.state == EntityState::Disabled && !knobs.export_disabled {
        let text = format!("The entity {identifier} is disabled.");
        return Err(ApiError::invalid_parameter(text));
    }
    Ok(entity)
}

fn check_limits(
    exports: &Exports,
    entity: &str,
    knobs: &Knobs,
    request: &Request<'_>,
) -> Result<(), ApiError> {
    let running = exports.running().count();
    if running >= knobs.export_quota {
        let text = format!("The organization has {running} export jobs, which is its limit.");
        return Err(ApiError::limit_exceeded(text));
    }
    let since = before(request.now, knobs.export_interval.0);
    let counts = |job: &&Job| match job.state {
        ExportState::Running | ExportState::Completed => true,
        ExportState::Failed | ExportState::Cancelled => knobs.export_failed_counts,
    };
    let recent = exports.of(entity).filter(|job| job.started_at > since);
    match recent.filter(counts).last() {
        None => Ok(()),
        Some(job) => Err(ApiError::limit_exceeded(format!(
            "The mailbox was exported by job {} in the last 24 hours.",
            job.id
        ))),
    }
}

/// Returns what is wrong with a key by its ARN alone.
fn wrong_key(destination: &Destination, region: &str) -> Option<ExportCause> {
    let mut parts = destination.kms_key_arn.splitn(6, ':').skip(3);
    let (key_region, resource) = (parts.next(), parts.nth(1).unwrap_or_default());
    if key_region != Some(region) {
        Some(ExportCause::Region)
    } else if resource.starts_with("key/") {
        None
    } else {
        Some(ExportCause::Key)
    }
}

fn duration(knobs: &Knobs, megabytes: f64) -> Duration {
    let per_megabyte = knobs.export_for_megabyte.0;
    let by_size = Duration::try_from_secs_f64(per_megabyte.as_secs_f64() * megabytes);
    knobs.export_for.draw() + by_size.unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelInput {
    client_token: String,
    organization_id: String,
    job_id: String,
}

pub(super) fn cancel(state: &mut State, request: Request<'_>) -> Result<Completed, ApiError> {
    let input: CancelInput = parse(&request.input)?;
    let id = active_organization(state, &request, &input.organization_id)?.id;
    let token = tokens::key(&request, Some(input.client_token));
    if let Some(known) = tokens::repeated(state, &request, token.as_ref())? {
        return Ok(known);
    }
    let now = request.now;
    let organization = state.find_mut(id);
    let job = organization.and_then(|organization| organization.exports.get_mut(&input.job_id));
    let job = job.ok_or_else(|| ApiError::entity_not_found(&input.job_id))?;
    if !job.is_running() {
        let text = format!("The job {} is over.", input.job_id);
        return Err(ApiError::invalid_parameter(text));
    }
    job.cancel(now);
    tokens::store(state, request, token, id, None);
    Ok(Completed::without_output(id, true))
}
