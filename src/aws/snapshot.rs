//! One complete listing of an account and region, and what it says of each object.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{CallError, Organizations};
use crate::logic::{
    AccountId, ErrorKind, Operation, OrganizationId,
    organization::{OrganizationState, Presence, Summary},
};

/// Absence counts when two reads at least this far apart show it.
pub(super) const APART: Duration = Duration::from_secs(30);
/// A listing with more pages than this is taken for an endless one.
const MOST_PAGES: usize = 10_000;

/// A complete listing.
#[derive(Debug)]
pub struct Snapshot {
    /// The account it was made in.
    pub(super) account: AccountId,
    /// When it was begun.
    pub(super) begun: Instant,
    /// How many pages it took.
    pub(super) pages: usize,
    organizations: HashMap<OrganizationId, Arc<Summary>>,
    /// Aliases in lower case, Deleted organizations left out.
    aliases: HashMap<Box<str>, OrganizationId>,
    /// The aliases of Deleted organizations, in lower case.
    deleted: HashMap<Box<str>, OrganizationId>,
    /// Aliases of the listing whose organizations were described as Deleted since.
    freed: HashSet<Box<str>>,
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
            snapshot.pages += 1;
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
            ErrorKind::Undecodable,
        ))
    }

    /// A listing of these organizations, begun now: one page of a hundred each.
    #[must_use]
    pub fn of(account: AccountId, organizations: impl IntoIterator<Item = Summary>) -> Self {
        let mut snapshot = Self::begin(account);
        for row in organizations {
            snapshot.add(row);
        }
        snapshot.pages = snapshot.organizations.len().div_ceil(100).max(1);
        snapshot
    }

    fn begin(account: AccountId) -> Self {
        Self {
            account,
            begun: Instant::now(),
            pages: 0,
            organizations: HashMap::new(),
            aliases: HashMap::new(),
            deleted: HashMap::new(),
            freed: HashSet::new(),
        }
    }

    fn add(&mut self, row: Summary) {
        let aliases = if row.state == OrganizationState::Deleted {
            &mut self.deleted
        } else {
            &mut self.aliases
        };
        aliases.insert(row.alias.to_ascii_lowercase().into(), row.id.clone());
        self.organizations.insert(row.id.clone(), Arc::new(row));
    }

    /// Records a description of one organization. An alias that another organization has in the listing
    /// stays with that one.
    pub(super) fn see(&mut self, row: Summary) {
        let alias: Box<str> = row.alias.to_ascii_lowercase().into();
        let is_deleted = row.state == OrganizationState::Deleted;
        if is_deleted {
            self.deleted.insert(alias.clone(), row.id.clone());
        }
        match self.aliases.get(&*alias) {
            Some(holder) if *holder == row.id => {
                if is_deleted {
                    self.aliases.remove(&*alias);
                    self.freed.insert(alias);
                }
            }
            Some(_) => {}
            None if is_deleted => {}
            None => {
                self.freed.remove(&*alias);
                self.aliases.insert(alias, row.id.clone());
            }
        }
        self.organizations.insert(row.id.clone(), Arc::new(row));
    }

    /// Shares the rows that have not changed with an earlier listing, to save memory.
    pub(super) fn share(&mut self, before: &Self) {
        for (id, row) in &mut self.organizations {
            if let Some(old) = before.organizations.get(id)
                && old == row
            {
                *row = old.clone();
            }
        }
    }

    pub(super) fn by_id(&self, id: &OrganizationId) -> Option<&Arc<Summary>> {
        self.organizations.get(id)
    }

    pub(super) fn by_alias(&self, alias: &str) -> Option<&Arc<Summary>> {
        self.aliases
            .get(&*alias.to_ascii_lowercase())
            .and_then(|id| self.by_id(id))
    }

    /// An organization that had the alias and is Deleted.
    pub(super) fn deleted(&self, alias: &str) -> Option<&OrganizationId> {
        self.deleted.get(&*alias.to_ascii_lowercase())
    }

    /// Whether the listing showed the alias, and a description has freed it since: that is no listing
    /// without it.
    pub(super) fn was_freed(&self, alias: &str) -> bool {
        self.freed.contains(&*alias.to_ascii_lowercase())
    }
}

/// Since when something is missing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missing {
    since: Option<Instant>,
    /// The organization may have been created at this time: listings begun before do not count.
    made: Option<Instant>,
}

impl Missing {
    /// Records one read: what it found, and when it was begun.
    pub(super) fn see(
        &mut self,
        found: Option<&Arc<Summary>>,
        begun: Instant,
    ) -> Presence<Arc<Summary>> {
        if let Some(summary) = found {
            self.since = None;
            return Presence::Present(summary.clone());
        }
        if self.made.is_some_and(|made| begun <= made) {
            return Presence::Absent { confirmed: false };
        }
        let since = *self.since.get_or_insert(begun);
        Presence::Absent {
            confirmed: begun.duration_since(since) >= APART,
        }
    }

    /// The organization may have been created at this time.
    pub(super) fn may_be_made(&mut self, at: Instant) {
        self.made = self.made.max(Some(at));
        self.since = self.since.filter(|since| Some(*since) > self.made);
    }

    /// Forgets that it was missing.
    pub(super) const fn start_again(&mut self) {
        self.since = None;
    }
}

/// Since when an organization is still there although its deletion was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct StillThere {
    /// Reads that were begun before say nothing.
    after: Instant,
    /// When the first and the last read that showed it were begun.
    seen: Option<(Instant, Instant)>,
}

impl StillThere {
    /// Only reads that are begun from that moment on count.
    pub(super) const fn after(moment: Instant) -> Self {
        Self {
            after: moment,
            seen: None,
        }
    }

    /// Records one read. Returns whether two of them, far enough apart, showed the organization neither
    /// Deleting nor Deleted nor absent, and none since showed it otherwise.
    pub(super) fn see(&mut self, found: Option<&Arc<Summary>>, begun: Instant) -> bool {
        if begun >= self.after {
            let stays = found.is_some_and(|row| !row.state.leaves());
            let (first, last) = self.seen.unwrap_or((begun, begun));
            self.seen = stays.then_some((first, last.max(begun)));
        }
        self.is_confirmed()
    }

    /// Seen once, so that a second read is needed.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.seen.is_some() && !self.is_confirmed()
    }

    fn is_confirmed(&self) -> bool {
        let apart = |(first, last): (Instant, Instant)| last.duration_since(first) >= APART;
        self.seen.is_some_and(apart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(id: &str, alias: &str, state: OrganizationState) -> Summary {
        Summary {
            id: OrganizationId::from(id),
            alias: alias.into(),
            state,
            default_domain: None,
            error_message: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn absence_counts_only_when_seen_twice_thirty_seconds_apart() {
        let mut missing = Missing::default();
        let first = Instant::now();
        let absent = |confirmed| Presence::Absent { confirmed };
        assert_eq!(missing.see(None, first), absent(false));
        assert_eq!(
            missing.see(None, first),
            absent(false),
            "one look counts once"
        );
        assert_eq!(missing.see(None, first + APART / 2), absent(false));
        assert_eq!(missing.see(None, first + APART), absent(true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_again_has_to_be_missed_twice_anew() {
        let mut missing = Missing::default();
        let first = Instant::now();
        let summary = Arc::new(summary("m-1", "acme", OrganizationState::Active));
        missing.see(None, first);
        missing.see(Some(&summary), first + APART);
        assert_eq!(
            missing.see(None, first + APART * 2),
            Presence::Absent { confirmed: false }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_deletion_has_failed_only_when_two_reads_thirty_seconds_apart_after_it_say_so() {
        let accepted = Instant::now() + APART;
        let of = |state| Some(Arc::new(summary("m-1", "acme", state)));
        let (active, deleting) = (
            of(OrganizationState::Active),
            of(OrganizationState::Deleting),
        );
        let mut there = StillThere::after(accepted);
        let mut look = |found: &Option<_>, begun| there.see(found.as_ref(), begun);
        assert!(!look(&active, accepted - APART), "it was read before");
        assert!(!look(&active, accepted));
        assert!(
            !look(&active, accepted + APART / 2),
            "too soon after the first"
        );
        assert!(
            !look(&deleting, accepted + APART),
            "the list only lagged behind"
        );
        let again = accepted + APART * 2;
        assert!(!look(&active, again));
        assert!(!look(&None, again + APART), "it is missing");
        assert!(!look(&active, again + APART * 2));
        assert!(look(&active, again + APART * 3));
        assert!(look(&active, again + APART * 3), "nothing new was read");
        assert!(!look(&deleting, again + APART * 4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_organization_that_was_described_as_deleted_has_its_alias_no_more() {
        let account = AccountId::from("1");
        let of = |state| summary("m-1", "Acme", state);
        let mut snapshot = Snapshot::of(account, [of(OrganizationState::Deleting)]);
        assert!(snapshot.by_alias("ACME").is_some());
        snapshot.see(of(OrganizationState::Deleted));
        assert_eq!(snapshot.by_alias("acme"), None);
        assert!(snapshot.by_id(&OrganizationId::from("m-1")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_description_takes_no_alias_from_the_organization_that_the_listing_shows_it_with() {
        let account = AccountId::from("1");
        let failed = summary("m-1", "acme", OrganizationState::Failed);
        let creating = summary("m-2", "acme", OrganizationState::Creating);
        let mut snapshot = Snapshot::of(account, [failed.clone(), creating]);
        snapshot.see(failed);
        let found = snapshot.by_alias("acme").map(|row| row.id.as_str());
        assert_eq!(found, Some("m-2"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_alias_of_a_deleted_organization_may_be_anothers_by_now() {
        let account = AccountId::from("1");
        let mut snapshot = Snapshot::of(
            account,
            [
                summary("m-1", "acme", OrganizationState::Deleting),
                summary("m-2", "acme", OrganizationState::Requested),
            ],
        );
        snapshot.see(summary("m-1", "acme", OrganizationState::Deleted));
        let found = snapshot.by_alias("acme").map(|row| row.id.as_str());
        assert_eq!(found, Some("m-2"));
    }
}
