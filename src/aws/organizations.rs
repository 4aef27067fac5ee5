//! The organizations of one account and region: one method a call.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::Arc,
    time::Duration,
};

use aws_sdk_workmail::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::{RequestId, describe_organization::DescribeOrganizationOutput},
    types::{Domain, OrganizationSummary, Tag},
};
use k8s_openapi::jiff::Timestamp;

use super::{
    CallError,
    gateway::{DEADLINE, Gateway},
};
use crate::{
    api::CreateInput,
    logic::{
        AccountId, ErrorKind, Operation, OrganizationId, Region,
        organization::{DeleteInput, Organization, OrganizationState, Reading, Summary, Tags},
    },
};

/// `ListOrganizations` gives at most this many a page (WorkMail API reference, `MaxResults`).
pub(super) const PAGE: i32 = 100;

/// The door to the organizations of one account and region. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Organizations {
    pub(super) client: Client,
    region: Region,
    account: AccountId,
    door: Arc<Gateway>,
    /// No call is waited for longer.
    deadline: Duration,
    /// The namespace that the calls are for; none where they are for all.
    namespace: Option<Arc<str>>,
}

/// The answer to a call that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// What AWS answered.
    pub answer: T,
    /// What AWS knows the call by. For the log; never for a condition.
    pub request_id: Option<String>,
}

impl<T> Done<T> {
    pub(super) fn by(answered: &impl RequestId, answer: T) -> Self {
        Self {
            answer,
            request_id: answered.request_id().map(str::to_owned),
        }
    }

    /// The same with the answer in another form.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Done<U> {
        Done {
            answer: form(self.answer),
            request_id: self.request_id,
        }
    }
}

/// One page of the list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) organizations: Vec<Summary>,
    pub(super) next: Option<String>,
}

impl Organizations {
    pub(super) const fn new(
        client: Client,
        region: Region,
        account: AccountId,
        door: Arc<Gateway>,
    ) -> Self {
        Self {
            client,
            region,
            account,
            door,
            deadline: DEADLINE,
            namespace: None,
        }
    }

    /// The same, for an object of a namespace: its calls take turns of that namespace.
    #[must_use]
    pub fn for_namespace(mut self, namespace: Arc<str>) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// The same, for callers that cannot wait as long for an answer.
    #[must_use]
    pub(super) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(super) async fn call<T, E>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId + Error,
    {
        let namespace = self.namespace.as_ref();
        let answer = self.door.call(operation, self.deadline, namespace, request);
        answer.await
    }

    /// The region.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    #[cfg(test)]
    pub(super) fn door(&self) -> &Gateway {
        &self.door
    }

    pub(super) async fn page(&self, token: Option<String>) -> Result<Page, CallError> {
        let operation = Operation::ListOrganizations;
        let request = self
            .client
            .list_organizations()
            .max_results(PAGE)
            .set_next_token(token);
        let answer = self.call(operation, request.send()).await?;
        let next = answer.next_token().filter(|token| !token.is_empty());
        Ok(Page {
            next: next.map(str::to_owned),
            organizations: answer
                .organization_summaries
                .unwrap_or_default()
                .into_iter()
                .map(|row| {
                    summary(row).ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable))
                })
                .collect::<Result<_, _>>()?,
        })
    }

    /// `DescribeOrganization`. An organization that AWS does not know is absent, not an error.
    ///
    /// # Errors
    /// It could not be looked.
    pub async fn describe(&self, id: &OrganizationId) -> Result<Reading<Organization>, CallError> {
        let operation = Operation::DescribeOrganization;
        let request = self
            .client
            .describe_organization()
            .organization_id(id.as_str());
        match self.call(operation, request.send()).await {
            Ok(answer) => organization(answer)
                .map(Reading::Seen)
                .ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable)),
            Err(error) if error.is("OrganizationNotFoundException") => Ok(Reading::Absent),
            Err(error) => Err(error),
        }
    }

    /// `ListTagsForResource`. AWS shows tags of Active organizations only.
    ///
    /// # Errors
    /// It could not be looked.
    pub async fn tags(&self, id: &OrganizationId) -> Result<Tags, CallError> {
        let request = self
            .client
            .list_tags_for_resource()
            .resource_arn(self.arn(id));
        let answer = self
            .call(Operation::ListTagsForResource, request.send())
            .await;
        match answer {
            Ok(answer) => Ok(Tags::Shown(
                answer
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .map(|tag| (tag.key, tag.value))
                    .collect(),
            )),
            Err(error) if error.is("OrganizationStateException") => Ok(Tags::Hidden),
            Err(error) => Err(error),
        }
    }

    /// `CreateOrganization`.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn create(
        &self,
        alias: &str,
        input: &CreateInput,
        token: &str,
    ) -> Result<Done<OrganizationId>, CallError> {
        let operation = Operation::CreateOrganization;
        let CreateInput {
            directory_id,
            kms_key_arn,
            enable_interoperability,
            domains,
        } = input;
        let domains = domains
            .iter()
            .map(|domain| {
                Domain::builder()
                    .domain_name(&domain.domain_name)
                    .set_hosted_zone_id(domain.hosted_zone_id.clone())
                    .build()
                    .map_err(|_| CallError::new(operation, ErrorKind::Undecodable))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let request = self
            .client
            .create_organization()
            .alias(alias)
            .client_token(token)
            .set_directory_id(directory_id.clone())
            .set_kms_key_arn(kms_key_arn.clone())
            .set_domains((!domains.is_empty()).then_some(domains))
            .set_enable_interoperability(enable_interoperability.then_some(true));
        let answer = self.call(operation, request.send()).await?;
        let id = answer.organization_id().map(OrganizationId::from);
        id.map(|id| Done::by(&answer, id))
            .ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable))
    }

    /// `TagResource`.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn tag(
        &self,
        id: &OrganizationId,
        tags: &BTreeMap<String, String>,
    ) -> Result<Done<()>, CallError> {
        let operation = Operation::TagResource;
        let tags = tags
            .iter()
            .map(|(key, value)| {
                Tag::builder()
                    .key(key)
                    .value(value)
                    .build()
                    .map_err(|_| CallError::new(operation, ErrorKind::Undecodable))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let request = self
            .client
            .tag_resource()
            .resource_arn(self.arn(id))
            .set_tags(Some(tags));
        let answer = self.call(operation, request.send()).await?;
        Ok(Done::by(&answer, ()))
    }

    /// `UntagResource`.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn untag(
        &self,
        id: &OrganizationId,
        keys: &BTreeSet<String>,
    ) -> Result<Done<()>, CallError> {
        let request = self
            .client
            .untag_resource()
            .resource_arn(self.arn(id))
            .set_tag_keys(Some(keys.iter().cloned().collect()));
        let answer = self.call(Operation::UntagResource, request.send()).await?;
        Ok(Done::by(&answer, ()))
    }

    /// `DeleteOrganization`.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn delete(&self, input: &DeleteInput) -> Result<Done<()>, CallError> {
        let DeleteInput {
            id,
            delete_directory,
            force,
            delete_identity_center_application,
            token,
        } = input;
        let request = self
            .client
            .delete_organization()
            .organization_id(id.as_str())
            .delete_directory(*delete_directory)
            .force_delete(*force)
            .delete_identity_center_application(*delete_identity_center_application)
            .client_token(token);
        let answer = self
            .call(Operation::DeleteOrganization, request.send())
            .await?;
        Ok(Done::by(&answer, ()))
    }

    fn arn(&self, id: &OrganizationId) -> String {
        format!(
            "arn:aws:workmail:{}:{}:organization/{id}",
            self.region, self.account
        )
    }
}

fn summary(row: OrganizationSummary) -> Option<Summary> {
    Some(Summary {
        id: row.organization_id.map(OrganizationId::from)?,
        alias: row.alias.unwrap_or_default(),
        state: OrganizationState::from(row.state.unwrap_or_default().as_str()),
        default_domain: row.default_mail_domain,
        error_message: row.error_message,
    })
}

fn organization(answer: DescribeOrganizationOutput) -> Option<Organization> {
    Some(Organization {
        summary: Summary {
            id: answer.organization_id.map(OrganizationId::from)?,
            alias: answer.alias.unwrap_or_default(),
            state: OrganizationState::from(answer.state.unwrap_or_default().as_str()),
            default_domain: answer.default_mail_domain,
            error_message: answer.error_message,
        },
        arn: answer.arn,
        directory_id: answer.directory_id,
        directory_type: answer.directory_type,
        completed_date: answer
            .completed_date
            .and_then(|date| Timestamp::from_second(date.secs()).ok()),
        migration_admin: answer.migration_admin,
        interoperability_enabled: Some(answer.interoperability_enabled),
    })
}
