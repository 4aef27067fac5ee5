//! The mail domains of an organization: one method a call, and one for a whole look.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_workmail::{
    operation::get_mail_domain::GetMailDomainOutput, types::DnsRecordVerificationStatus,
};
use futures::{StreamExt, stream};

use super::{
    CallError,
    organizations::{Done, Organizations, PAGE},
};
use crate::{
    api::DnsRecord,
    logic::{
        ErrorKind, Operation, OrganizationId,
        organization::{DomainDetails, DomainReading, MailDomain, Verification},
    },
};

/// As many domains are read at once.
const DOMAINS_AT_ONCE: usize = 8;
/// A list of domains with more pages than this is taken for an endless one: AWS allows 1,000 domains.
const MOST_DOMAIN_PAGES: usize = 100;

impl Organizations {
    /// The mail domains: all names by `ListMailDomains` if `list`, and what `GetMailDomain` says of
    /// those in `details` that are there.
    ///
    /// What could be read is given although the rest could not be: a list is whole, and the details of
    /// each domain stand alone.
    ///
    /// # Errors
    /// The list could not be read, or the details of no domain.
    pub async fn domains(
        &self,
        id: &OrganizationId,
        list: bool,
        details: &BTreeSet<String>,
    ) -> Result<DomainReading, CallError> {
        let mut domains = BTreeMap::new();
        if list {
            self.list_domains(id, &mut domains).await?;
        }
        let wanted = details
            .iter()
            .filter(|name| !list || domains.contains_key(*name));
        let looks: Vec<_> = wanted
            .map(|name| async move { (name.clone(), self.domain(id, name).await) })
            .collect();
        let mut seen = stream::iter(looks).buffer_unordered(DOMAINS_AT_ONCE);
        let (mut read, mut failed) = (0, None);
        while let Some((name, domain)) = seen.next().await {
            match domain {
                Ok(domain) => {
                    read += 1;
                    domains.insert(name, domain);
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed.filter(|_| read == 0) {
            return Err(error);
        }
        Ok(DomainReading {
            domains,
            complete: list,
        })
    }

    async fn list_domains(
        &self,
        id: &OrganizationId,
        domains: &mut BTreeMap<String, Option<MailDomain>>,
    ) -> Result<(), CallError> {
        let operation = Operation::ListMailDomains;
        let mut token = None;
        for _ in 0..MOST_DOMAIN_PAGES {
            let request = self
                .client
                .list_mail_domains()
                .organization_id(id.as_str())
                .max_results(PAGE)
                .set_next_token(token);
            let answer = self.call(operation, request.send()).await?;
            token = answer
                .next_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            for row in answer.mail_domains.unwrap_or_default() {
                let name = row
                    .domain_name
                    .ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable))?;
                let domain = MailDomain {
                    is_default: row.default_domain,
                    is_test_domain: is_test_domain(&name),
                    details: None,
                };
                domains.insert(name.to_ascii_lowercase(), Some(domain));
            }
            if token.is_none() {
                return Ok(());
            }
        }
        Err(CallError::new(operation, ErrorKind::Undecodable))
    }

    /// `GetMailDomain`. A domain that the organization does not have is absent, not an error.
    async fn domain(
        &self,
        id: &OrganizationId,
        name: &str,
    ) -> Result<Option<MailDomain>, CallError> {
        let request = self
            .client
            .get_mail_domain()
            .organization_id(id.as_str())
            .domain_name(name);
        match self.call(Operation::GetMailDomain, request.send()).await {
            Ok(answer) => Ok(Some(mail_domain(answer))),
            Err(error) if error.is("MailDomainNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `RegisterMailDomain`.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn register(&self, id: &OrganizationId, domain: &str) -> Result<Done<()>, CallError> {
        let request = self
            .client
            .register_mail_domain()
            .organization_id(id.as_str())
            .domain_name(domain);
        let operation = Operation::RegisterMailDomain;
        let answer = self.call(operation, request.send()).await?;
        Ok(Done::by(&answer, ()))
    }

    /// `UpdateDefaultMailDomain`.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn set_default(
        &self,
        id: &OrganizationId,
        domain: &str,
    ) -> Result<Done<()>, CallError> {
        let request = self
            .client
            .update_default_mail_domain()
            .organization_id(id.as_str())
            .domain_name(domain);
        let operation = Operation::UpdateDefaultMailDomain;
        let answer = self.call(operation, request.send()).await?;
        Ok(Done::by(&answer, ()))
    }

    /// `DeregisterMailDomain`. A domain that is not there any more is as it should be.
    ///
    /// # Errors
    /// AWS refused, or gave no answer.
    pub async fn deregister(
        &self,
        id: &OrganizationId,
        domain: &str,
    ) -> Result<Done<()>, CallError> {
        let request = self
            .client
            .deregister_mail_domain()
            .organization_id(id.as_str())
            .domain_name(domain);
        let operation = Operation::DeregisterMailDomain;
        match self.call(operation, request.send()).await {
            Ok(answer) => Ok(Done::by(&answer, ())),
            Err(error) if error.is("MailDomainNotFoundException") => Ok(Done {
                answer: (),
                request_id: error.request_id,
            }),
            Err(error) => Err(error),
        }
    }
}

/// The domain that AWS gives every organization: `<alias>.awsapps.com`.
fn is_test_domain(name: &str) -> bool {
    name.to_ascii_lowercase()
        .strip_suffix(".awsapps.com")
        .is_some_and(|alias| !alias.contains('.'))
}

fn mail_domain(answer: GetMailDomainOutput) -> MailDomain {
    let word = |status: Option<DnsRecordVerificationStatus>| {
        let word = status.map_or_else(String::new, |status| status.as_str().to_owned());
        Verification::from(word.as_str())
    };
    MailDomain {
        is_default: answer.is_default,
        is_test_domain: answer.is_test_domain,
        details: Some(DomainDetails {
            ownership: word(answer.ownership_verification_status),
            dkim: word(answer.dkim_verification_status),
            records: answer
                .records
                .unwrap_or_default()
                .into_iter()
                .map(|record| DnsRecord {
                    r#type: record.r#type.unwrap_or_default(),
                    hostname: record.hostname.unwrap_or_default(),
                    value: record.value.unwrap_or_default(),
                })
                .collect(),
        }),
    }
}
