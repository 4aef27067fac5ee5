//! The state of an endpoint: organizations by id, alias and location, and what they depend on.

mod caller;
mod directories;
mod domains;
mod entities;
mod exports;
mod lifecycle;
mod organization;
mod pages;
mod rate;
mod seeding;
mod sessions;
mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

pub use self::exports::ExportState;
pub(crate) use self::{
    caller::Caller,
    directories::{Directories, Directory},
    domains::{Domain, DomainRegistry, Domains, is_within, test_domain},
    entities::{Entities, Entity, Kind},
    exports::{Destination, Exports, Job},
    lifecycle::creation,
    organization::{Organization, Step},
    pages::PageTokens,
    rate::Buckets,
    sessions::{Session, Sessions, role_of_arn},
    tokens::{StoredAnswer, TokenKey, Tokens},
};
use crate::{
    ids::{DEFAULT_ACCOUNT, Location, OrganizationId},
    knobs::Knobs,
    seeds::{Credential, Refusal},
};

/// The state of an endpoint.
///
/// Nothing in it runs in the background: [`State::catch_up`] is called before it is read.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) knobs: Knobs,
    pub(crate) directories: Directories,
    pub(crate) tokens: Tokens,
    pub(crate) page_tokens: PageTokens,
    pub(crate) buckets: Buckets,
    pub(crate) sessions: Sessions,
    /// Whether export jobs write to S3.
    pub(crate) has_s3: bool,
    domains: DomainRegistry,
    /// The credentials of access keys that somebody named, by key.
    credentials: HashMap<String, Credential>,
    /// The domains of hosted zones, by account and id.
    zones: HashMap<(String, String), String>,
    organizations: HashMap<OrganizationId, Organization>,
    /// The organizations of a location in the order of creation.
    lists: HashMap<Location, BTreeMap<u64, OrganizationId>>,
    /// How many organizations an account has, without Deleted ones.
    counts: HashMap<String, usize>,
    /// When the next step of an organization's plan is due.
    schedule: BTreeSet<(Timestamp, OrganizationId)>,
    last_serial: u64,
}

impl State {
    pub(crate) fn new(knobs: Knobs, has_s3: bool) -> Self {
        Self {
            knobs,
            has_s3,
            ..Self::default()
        }
    }

    /// Returns the credential of an access key: of a session, of a seed, or else of the default
    /// account.
    pub(crate) fn credential(
        &self,
        key: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Credential, Refusal> {
        if let Some(credential) = self.sessions.credential(key, token, now) {
            return credential;
        }
        let known = self.credentials.get(key).cloned();
        let credential = known.unwrap_or_else(|| Credential::new(key, DEFAULT_ACCOUNT));
        match credential.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(credential),
        }
    }

    /// Returns an organization of any location.
    pub(crate) fn find(&self, id: OrganizationId) -> Option<&Organization> {
        self.organizations.get(&id)
    }

    /// Returns an organization of a location.
    pub(crate) fn at(&self, id: OrganizationId, location: &Location) -> Option<&Organization> {
        self.find(id)
            .filter(|organization| organization.location == *location)
    }

    pub(crate) fn find_mut(&mut self, id: OrganizationId) -> Option<&mut Organization> {
        self.organizations.get_mut(&id)
    }

    /// Returns all organizations of all locations, oldest first.
    pub(crate) fn all(&self) -> Vec<&Organization> {
        let mut all: Vec<_> = self.organizations.values().collect();
        all.sort_unstable_by_key(|organization| organization.serial);
        all
    }

    /// Returns the organizations of a location after a number in the order of creation.
    pub(crate) fn list(
        &self,
        location: &Location,
        after: u64,
    ) -> impl Iterator<Item = &Organization> {
        let list = self.lists.get(location).into_iter();
        list.flat_map(move |list| list.range(after + 1..))
            .filter_map(|(_, id)| self.find(*id))
    }

    /// Returns how many organizations an account has, without Deleted ones.
    pub(crate) fn count(&self, account: &str) -> usize {
        self.counts.get(account).copied().unwrap_or_default()
    }

    fn decrease_count(&mut self, account: &str) {
        if let Some(count) = self.counts.get_mut(account) {
            *count = count.saturating_sub(1);
        }
    }

    /// Returns the domain of a hosted zone.
    pub(crate) fn zone(&self, account: &str, id: &str) -> Option<&str> {
        self.zones
            .get(&(account.to_owned(), id.to_owned()))
            .map(String::as_str)
    }

    /// Returns the id of a hosted zone of an account that a domain is in.
    pub(crate) fn zone_of(&self, account: &str, domain: &str) -> Option<&str> {
        let mut zones = self.zones.iter();
        zones
            .find(|((owner, _), apex)| owner == account && is_within(domain, apex))
            .map(|((_, id), _)| id.as_str())
    }

    /// Returns the next number in the order of creation.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    /// Adds an organization whose directory is there already.
    pub(crate) fn add(&mut self, organization: Organization) {
        let Organization {
            id,
            ref location,
            serial,
            ..
        } = organization;
        self.directories
            .assign(&organization.directory_id, id, &organization.alias);
        let list = self.lists.entry(location.clone()).or_default();
        list.insert(serial, id);
        if !organization.is_deleted() {
            *self.counts.entry(location.account.clone()).or_default() += 1;
        }
        self.organizations.insert(id, organization);
        self.schedule_plan(id);
        self.update_holders(id);
    }

    /// Removes an organization and its domains from everything that clients see. Its directory
    /// stays.
    fn remove_from_view(&mut self, id: OrganizationId) -> Option<Organization> {
        let domains = self.find(id)?.domains.registered();
        let names: Vec<String> = domains.map(|domain| domain.name.clone()).collect();
        for name in names {
            self.deregister_domain(id, &name);
        }
        let organization = self.organizations.remove(&id)?;
        if let Some(list) = self.lists.get_mut(&organization.location) {
            list.remove(&organization.serial);
        }
        if !organization.is_deleted() {
            self.decrease_count(&organization.location.account);
        }
        Some(organization)
    }
}
