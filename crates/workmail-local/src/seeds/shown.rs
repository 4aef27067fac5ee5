//! Checks seeds and changes against the model, so that no output shows what the model forbids.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{SeedDomain, SeedError};
use crate::{
    contract::{Contract, Operation},
    views::{EntityKind, EntityView},
};

/// The values of a seed or a change that outputs of the service show.
///
/// The statuses of domains are not checked: tests need words that the model does not have, because
/// AWS may add some.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) alias: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    pub(crate) error_message: Option<&'a str>,
    pub(crate) default_mail_domain: Option<&'a str>,
    pub(crate) domains: &'a [SeedDomain],
    pub(crate) tags: &'a BTreeMap<String, String>,
}

impl Shown<'_> {
    /// Checks the values.
    ///
    /// # Errors
    /// `SeedError::Model` with the first violation.
    pub(crate) fn check(&self) -> Result<(), SeedError> {
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        let domains: Vec<Value> = self
            .domains
            .iter()
            .map(|domain| json!({"DomainName": domain.name}))
            .collect();
        let described = json!({
            "Alias": self.alias,
            "State": self.state,
            "ErrorMessage": self.error_message,
            "DefaultMailDomain": self.default_mail_domain,
        });
        for (operation, output) in [
            (Operation::DescribeOrganization, described),
            (Operation::ListTagsForResource, json!({"Tags": tags})),
            (Operation::ListMailDomains, json!({"MailDomains": domains})),
        ] {
            check(operation, &output)?;
        }
        let empty = self
            .domains
            .iter()
            .any(|domain| [&domain.ownership, &domain.dkim].contains(&&Some(String::new())));
        if empty {
            return Err(SeedError::Model("a domain has an empty status".to_owned()));
        }
        Ok(())
    }
}

/// Checks the values of a user, a group or a resource.
///
/// # Errors
/// `SeedError::Model` with the first violation.
pub(crate) fn check_entity(
    entity: &EntityView,
    display_name: Option<&str>,
) -> Result<(), SeedError> {
    let (operation, id) = match entity.kind {
        EntityKind::User => (Operation::DescribeUser, "UserId"),
        EntityKind::Group => (Operation::DescribeGroup, "GroupId"),
        EntityKind::Resource => (Operation::DescribeResource, "ResourceId"),
    };
    let described = json!({
        id: entity.id,
        "Name": entity.name,
        "DisplayName": display_name,
        "Email": entity.email,
    });
    check(operation, &described)?;
    check(Operation::ListAliases, &json!({"Aliases": entity.aliases}))?;
    if entity.mailbox_size.is_finite() && entity.mailbox_size >= 0.0 {
        Ok(())
    } else {
        Err(SeedError::Model(
            "the size of a mailbox is negative".to_owned(),
        ))
    }
}

fn check(operation: Operation, output: &Value) -> Result<(), SeedError> {
    let model = Contract::model().ok();
    let violations = model.and_then(|contract| {
        let operation = contract.operation(operation.name())?;
        Some(contract.violations(output, &operation.output))
    });
    match violations.unwrap_or_default().first() {
        Some(violation) => Err(SeedError::Model(violation.to_string())),
        None => Ok(()),
    }
}
