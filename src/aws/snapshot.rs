//! One complete listing of an account and region, and what it says of each object.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{CallError, Organizations};
use crate::core::{
    AccountId, Operation, OrganizationId, OrganizationState, Presence, Summary, Trouble,
};

/// Two looks that find something missing count only this far apart.
pub(super) const APART: Duration = Duration::from_secs(30);
/// A listing with more pages than this is taken for an endless one.
const MOST_PAGES: usize = 10_000;

/// A complete listing.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Whose it is.
    pub(super) account: AccountId,
    /// When it was begun.
    pub(super) begun: Instant,
    organizations: HashMap<OrganizationId, Summary>,
    /// Aliases in lower case, Deleted organizations left out.
    aliases: HashMap<String, OrganizationId>,
}

impl Snapshot {
    /// Pages through the whole list.
    ///
    /// # Errors
    /// Any page could not be had: a partial listing is none.
    pub(super) async fn take(
        account: AccountId,
        organizations: &Organizations,
    ) -> Result<Self, CallError> {
        let mut snapshot = Self::begin(account);
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let page = organizations.page(token).await?;
            page.organizations
                .into_iter()
                .for_each(|row| snapshot.add(row));
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok(snapshot),
            }
        }
        Err(CallError::new(
            Operation::ListOrganizations,
            Trouble::Undecodable,
        ))
    }

    /// A listing of these organizations, begun now.
    #[cfg(test)]
    pub(super) fn of(account: AccountId, organizations: Vec<Summary>) -> Self {
        let mut snapshot = Self::begin(account);
        for row in organizations {
            snapshot.add(row);
        }
        snapshot
    }

    fn begin(account: AccountId) -> Self {
        Self {
            account,
            begun: Instant::now(),
            organizations: HashMap::new(),
            aliases: HashMap::new(),
        }
    }

    fn add(&mut self, row: Summary) {
        if row.state != OrganizationState::Deleted {
            self.aliases
                .insert(row.alias.to_ascii_lowercase(), row.id.clone());
        }
        self.organizations.insert(row.id.clone(), row);
    }

    pub(super) fn by_id(&self, id: &OrganizationId) -> Option<&Summary> {
        self.organizations.get(id)
    }

    pub(super) fn by_alias(&self, alias: &str) -> Option<&Summary> {
        self.aliases
            .get(&alias.to_ascii_lowercase())
            .and_then(|id| self.by_id(id))
    }
}

/// Since when something is missing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missing(Option<Instant>);

impl Missing {
    /// Takes one look into account: what it found, and when it was begun.
    pub(super) fn look(&mut self, found: Option<&Summary>, begun: Instant) -> Presence<Summary> {
        if let Some(summary) = found {
            self.0 = None;
            return Presence::Present(summary.clone());
        }
        let since = *self.0.get_or_insert(begun);
        Presence::Absent {
            confirmed: begun.duration_since(since) >= APART,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn absence_counts_only_when_seen_twice_thirty_seconds_apart() {
        let mut missing = Missing::default();
        let first = Instant::now();
        let absent = |confirmed| Presence::Absent { confirmed };
        assert_eq!(missing.look(None, first), absent(false));
        assert_eq!(
            missing.look(None, first),
            absent(false),
            "one look counts once"
        );
        assert_eq!(missing.look(None, first + APART / 2), absent(false));
        assert_eq!(missing.look(None, first + APART), absent(true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_again_has_to_be_missed_twice_anew() {
        let mut missing = Missing::default();
        let first = Instant::now();
        let summary = Summary {
            id: OrganizationId::from("m-1"),
            alias: "acme".into(),
            state: OrganizationState::Active,
            default_domain: None,
            error_message: None,
        };
        missing.look(None, first);
        missing.look(Some(&summary), first + APART);
        assert_eq!(
            missing.look(None, first + APART * 2),
            Presence::Absent { confirmed: false }
        );
    }
}
