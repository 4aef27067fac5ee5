//! Everything an endpoint holds: organizations by id, alias and place, and what they rest on.

mod callers;
mod directories;
mod domains;
mod lifecycle;
mod listing;
mod organization;
mod pages;
mod seeding;
mod tokens;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

pub(crate) use self::{
    callers::{Caller, Callers},
    directories::{Directories, Directory, Standing},
    domains::{Domain, Domains, Registry, is_within, test_domain},
    lifecycle::creation,
    listing::{Listing, Position},
    organization::{Deletion, Organization, Step, User},
    pages::{PageToken, Seal},
    tokens::{Remembered, TokenKey, Tokens},
};
use crate::{
    ids::{OrganizationId, Place},
    knobs::Knobs,
};

/// Everything an endpoint holds.
///
/// Nothing in here runs by itself: whoever looks first calls [`World::catch_up`].
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) knobs: Knobs,
    pub(crate) callers: Callers,
    pub(crate) directories: Directories,
    pub(crate) tokens: Tokens,
    pub(crate) seal: Seal,
    pub(crate) registry: Registry,
    /// Hosted zones: their domain, by account and id.
    zones: HashMap<(String, String), String>,
    organizations: HashMap<OrganizationId, Organization>,
    places: HashMap<Place, Listing>,
    /// How many organizations an account has, Deleted ones aside.
    counted: HashMap<String, usize>,
    /// When an organization's plan goes on.
    agenda: BTreeSet<(Timestamp, OrganizationId)>,
    serial: u64,
}

impl World {
    pub(crate) fn new(knobs: Knobs) -> Self {
        Self {
            knobs,
            ..Self::default()
        }
    }

    /// An organization, wherever it is.
    pub(crate) fn find(&self, id: OrganizationId) -> Option<&Organization> {
        self.organizations.get(&id)
    }

    /// An organization of a place.
    pub(crate) fn at(&self, id: OrganizationId, place: &Place) -> Option<&Organization> {
        self.find(id)
            .filter(|organization| organization.place == *place)
    }

    pub(crate) fn at_mut(
        &mut self,
        id: OrganizationId,
        place: &Place,
    ) -> Option<&mut Organization> {
        self.organizations
            .get_mut(&id)
            .filter(|organization| organization.place == *place)
    }

    /// All organizations, oldest first.
    pub(crate) fn all(&self) -> Vec<&Organization> {
        let mut all: Vec<_> = self.organizations.values().collect();
        all.sort_unstable_by_key(|organization| organization.serial);
        all
    }

    /// The list of one place.
    pub(crate) fn listing(&self, place: &Place) -> Option<&Listing> {
        self.places.get(place)
    }

    /// How many organizations an account has, Deleted ones aside.
    pub(crate) fn count(&self, account: &str) -> usize {
        self.counted.get(account).copied().unwrap_or_default()
    }

    /// The domain of a hosted zone.
    pub(crate) fn zone(&self, account: &str, id: &str) -> Option<&str> {
        self.zones
            .get(&(account.to_owned(), id.to_owned()))
            .map(String::as_str)
    }

    /// The id of a hosted zone of an account that a domain is in.
    pub(crate) fn zone_of(&self, account: &str, domain: &str) -> Option<&str> {
        let mut zones = self.zones.iter();
        zones
            .find(|((owner, _), apex)| owner == account && is_within(domain, apex))
            .map(|((_, id), _)| id.as_str())
    }

    /// The next number in the order of creation.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Adds an organization whose directory is there.
    pub(crate) fn add(&mut self, organization: Organization) {
        self.directories.take(
            &organization.directory_id,
            organization.id,
            &organization.alias,
        );
        self.places
            .entry(organization.place.clone())
            .or_default()
            .add(&organization);
        if !organization.is_deleted() {
            *self
                .counted
                .entry(organization.place.account.clone())
                .or_default() += 1;
        }
        if let Some((at, _)) = organization.plan.front() {
            self.agenda.insert((*at, organization.id));
        }
        let id = organization.id;
        self.organizations.insert(id, organization);
        self.hold_domains(id);
    }

    /// Takes an organization out of everything that clients see. Its directory stays.
    pub(crate) fn take_out(&mut self, id: OrganizationId) -> Option<Organization> {
        self.drop_domains(id);
        let organization = self.organizations.remove(&id)?;
        if let Some(listing) = self.places.get_mut(&organization.place) {
            listing.remove(&organization);
        }
        if !organization.is_deleted() {
            self.discount(&organization.place.account);
        }
        Some(organization)
    }

    fn discount(&mut self, account: &str) {
        if let Some(count) = self.counted.get_mut(account) {
            *count = count.saturating_sub(1);
        }
    }
}
