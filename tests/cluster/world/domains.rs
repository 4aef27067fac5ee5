//! Mail domains: what the status says of them, and what was asked of AWS about them.

use serde_json::{Value, json};
use workmail_local::{Config, Knobs, OrganizationChange, SeedDomain};
use workmail_operator::api::{
    ConditionStatus, ConditionType, DomainStatus, Reason, WorkMailOrganization,
};

use super::{World, condition, status};

impl World {
    /// A world whose operator has flags of its own.
    pub async fn with_flags(knobs: Knobs, flags: &[&str]) -> Self {
        let mut world = Self::without_operator(Config::with_knobs(knobs)).await;
        for flag in flags {
            world.operator.argument(flag);
        }
        world.operator.start();
        world
    }

    /// Changes the domains of the spec of `acme`.
    pub async fn set_domains(&self, names: &[&str]) -> WorkMailOrganization {
        let spec = json!({"domains": domains(names)});
        self.patch("acme", json!({"spec": spec})).await
    }

    /// Waits until a condition has this status and reason for the present generation.
    pub async fn until_condition(
        &self,
        name: &str,
        kind: ConditionType,
        status: ConditionStatus,
        reason: Reason,
    ) -> WorkMailOrganization {
        let what = format!("{} {status:?} {reason}", kind.as_str());
        self.until(name, &what, |object| {
            condition(object, kind).is_some_and(|told| {
                told.status == status
                    && told.reason == reason.as_str()
                    && Some(told.observed_generation) == object.metadata.generation
            })
        })
        .await
    }

    /// Waits until every domain of the spec waits for verification.
    pub async fn until_pending(&self, name: &str) -> WorkMailOrganization {
        self.until_condition(
            name,
            ConditionType::DomainsReady,
            ConditionStatus::False,
            Reason::VerificationPending,
        )
        .await
    }

    /// Waits until every domain of the spec is verified.
    pub async fn until_verified(&self, name: &str) -> WorkMailOrganization {
        self.until_condition(
            name,
            ConditionType::DomainsReady,
            ConditionStatus::True,
            Reason::Verified,
        )
        .await
    }

    /// Has AWS see the records of a domain, as it does once they are published.
    pub fn verify(&self, id: &str, domain: &str) {
        self.change_domain(id, SeedDomain::new(domain).verified());
    }

    /// Changes a domain behind the operator's back.
    pub fn change_domain(&self, id: &str, domain: SeedDomain) {
        let change = OrganizationChange::default().set_domain(domain);
        self.aws.change_organization(id, change).unwrap();
    }

    /// The domains of the organization in AWS besides its own, in their order.
    pub fn domains_in_aws(&self, id: &str) -> Vec<String> {
        let organization = self.aws.organization(id).unwrap();
        let domains = organization.domains.into_iter();
        domains
            .filter(|domain| !domain.is_test_domain)
            .map(|domain| domain.domain_name)
            .collect()
    }

    /// The default domain in AWS.
    pub fn default_in_aws(&self, id: &str) -> String {
        let organization = self.aws.organization(id).unwrap();
        let mut domains = organization.domains.into_iter();
        let default = domains.find(|domain| domain.is_default);
        default.expect("one is the default").domain_name
    }

    /// The domains that were named in calls of this operation, in order.
    pub fn asked(&self, operation: &str) -> Vec<String> {
        let calls = self.calls(operation).into_iter();
        calls
            .map(|call| call.request["DomainName"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The calls that speak of domains, as they stand in the journal: `GetMailDomain acme.example`.
    pub fn domain_calls_after(&self, sequence: u64) -> Vec<String> {
        let calls = self
            .aws
            .calls(&workmail_local::CallFilter::any().after(sequence));
        let calls = calls
            .into_iter()
            .filter(|call| call.operation.contains("MailDomain"));
        calls
            .map(|call| {
                let domain = call.request["DomainName"].as_str().unwrap_or_default();
                format!("{} {domain}", call.operation).trim_end().to_owned()
            })
            .collect()
    }

    /// The calls that change domains, in order.
    pub fn domain_changes_after(&self, sequence: u64) -> Vec<String> {
        let mut calls = self.domain_calls_after(sequence);
        calls.retain(|call| !call.starts_with("Get") && !call.starts_with("List"));
        calls
    }
}

/// Entries of the spec.
pub fn domains(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({"domainName": name}))
        .collect()
}

/// What the status says of a domain.
pub fn domain(object: &WorkMailOrganization, name: &str) -> Option<DomainStatus> {
    let domains = status(object).domains;
    domains
        .into_iter()
        .find(|domain| domain.domain_name == name)
}

/// The domains that the status has as managed.
pub fn managed(object: &WorkMailOrganization) -> Vec<String> {
    let domains = status(object).domains.into_iter();
    let managed = domains.filter(|domain| domain.managed);
    managed.map(|domain| domain.domain_name).collect()
}
