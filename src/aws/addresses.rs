//! Who has an address in a mail domain: the users, groups and resources of an organization.

use aws_sdk_workmail::types::EntityState;

use super::{
    CallError,
    organizations::{Organizations, PAGE},
};
use crate::logic::{ErrorKind, Operation, OrganizationId};

/// A list with more pages than this is taken for an endless one.
const MOST_PAGES: usize = 1000;

/// What can have an address.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Group,
    Resource,
}

impl Kind {
    const fn operation(self) -> Operation {
        match self {
            Self::User => Operation::ListUsers,
            Self::Group => Operation::ListGroups,
            Self::Resource => Operation::ListResources,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Resource => "resource",
        }
    }
}

/// A user, a group or a resource as its list shows it.
struct Entity {
    name: Option<String>,
    email: Option<String>,
    state: Option<EntityState>,
}

impl Entity {
    /// Whether its primary address is in this domain. What was deleted and is still shown has none.
    fn is_in(&self, domain: &str) -> bool {
        let address = self
            .email
            .as_deref()
            .and_then(|email| email.rsplit_once('@'));
        self.state != Some(EntityState::Deleted)
            && address.is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain))
    }
}

/// The rows of an answer, which are alike and of three types, and the token of the next page.
macro_rules! page {
    ($answer:expr, $rows:ident) => {{
        let answer = $answer;
        let rows = answer.$rows.unwrap_or_default().into_iter();
        let entities = rows.map(|row| Entity {
            name: row.name,
            email: row.email,
            state: row.state,
        });
        (entities.collect(), answer.next_token)
    }};
}

impl Organizations {
    /// The first user, group or resource that has its primary address in this domain, as it stands in
    /// messages (`user jo`). The lists are read to their ends, up to 100,000 entries each.
    ///
    /// # Errors
    /// A list could not be read.
    pub async fn primary_address_in(
        &self,
        id: &OrganizationId,
        domain: &str,
    ) -> Result<Option<String>, CallError> {
        for kind in [Kind::User, Kind::Group, Kind::Resource] {
            let holder = match self.first_in(kind, id, domain).await {
                // The directory of the organization has none of this kind.
                Err(error) if error.is("UnsupportedOperationException") => None,
                holder => holder?,
            };
            if let Some(Entity { name, .. }) = holder {
                let name = name.unwrap_or_default();
                return Ok(Some(format!("{} {name}", kind.as_str())));
            }
        }
        Ok(None)
    }

    async fn first_in(
        &self,
        kind: Kind,
        id: &OrganizationId,
        domain: &str,
    ) -> Result<Option<Entity>, CallError> {
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let (entities, next): (Vec<Entity>, _) = self.page_of(kind, id, token).await?;
            let mut entities = entities.into_iter();
            let found = entities.find(|entity| entity.is_in(domain));
            token = next.filter(|token| !token.is_empty());
            if found.is_some() || token.is_none() {
                return Ok(found);
            }
        }
        Err(CallError::new(kind.operation(), ErrorKind::Undecodable))
    }

    async fn page_of(
        &self,
        kind: Kind,
        id: &OrganizationId,
        token: Option<String>,
    ) -> Result<(Vec<Entity>, Option<String>), CallError> {
        let operation = kind.operation();
        let id = id.as_str();
        Ok(match kind {
            Kind::User => {
                let request = self.client.list_users().organization_id(id);
                let request = request.max_results(PAGE).set_next_token(token);
                page!(Box::pin(self.call(operation, request.send())).await?, users)
            }
            Kind::Group => {
                let request = self.client.list_groups().organization_id(id);
                let request = request.max_results(PAGE).set_next_token(token);
                page!(
                    Box::pin(self.call(operation, request.send())).await?,
                    groups
                )
            }
            Kind::Resource => {
                let request = self.client.list_resources().organization_id(id);
                let request = request.max_results(PAGE).set_next_token(token);
                page!(
                    Box::pin(self.call(operation, request.send())).await?,
                    resources
                )
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_domain_alone_whatever_its_case() {
        let entity = |email: &str, state| Entity {
            name: None,
            email: Some(email.to_owned()),
            state: Some(state),
        };
        let is_in = |email, state| entity(email, state).is_in("acme.example");
        assert!(is_in("Jo@ACME.example", EntityState::Enabled));
        assert!(is_in("jo@acme.example", EntityState::Disabled));
        assert!(!is_in("jo@sub.acme.example", EntityState::Enabled));
        assert!(!is_in("acme.example", EntityState::Enabled));
        assert!(!is_in("jo@acme.example", EntityState::Deleted));
    }
}
