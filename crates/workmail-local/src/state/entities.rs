//! The users, groups and resources of one organization.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    clock::before,
    ids,
    seeds::{EntityChange, EntityState, ResourceType, SeedGroup, SeedResource, SeedUser, UserRole},
    span::Span,
    views::{EntityKind, EntityView},
};

/// The kind of an entity, and what only this kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User(UserRole),
    Group,
    Resource(ResourceType),
}

impl Kind {
    pub(crate) fn shown(self) -> EntityKind {
        match self {
            Self::User(_) => EntityKind::User,
            Self::Group => EntityKind::Group,
            Self::Resource(_) => EntityKind::Resource,
        }
    }
}

/// A user, a group or a resource.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    pub(crate) id: String,
    /// The number in the order of creation, within the organization.
    pub(crate) serial: u64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) state: EntityState,
    pub(crate) enabled_at: Option<Timestamp>,
    pub(crate) disabled_at: Option<Timestamp>,
    /// In MB.
    pub(crate) mailbox_size: f64,
}

impl Entity {
    /// Returns an enabled entity without addresses.
    fn new(kind: Kind, name: String, id: Option<String>, now: Timestamp) -> Self {
        let new_id = || match kind {
            Kind::User(_) | Kind::Group => ids::uuid(),
            Kind::Resource(_) => format!("r-{:032x}", rand::random::<u128>()),
        };
        Self {
            id: id.unwrap_or_else(new_id),
            serial: 0,
            kind,
            name,
            display_name: None,
            email: None,
            aliases: Vec::new(),
            state: EntityState::Enabled,
            enabled_at: Some(now),
            disabled_at: None,
            mailbox_size: 0.0,
        }
    }

    /// Sets the state of a seed. What was disabled was enabled a year before.
    fn seeded_state(&mut self, state: EntityState, disabled: Option<Span>, now: Timestamp) {
        const YEAR: Duration = Duration::from_hours(365 * 24);
        self.state = state;
        if state != EntityState::Enabled {
            self.disabled_at = disabled.map(|span| before(now, span.0));
            self.enabled_at = self.disabled_at.map(|at| before(at, YEAR));
        }
    }

    pub(crate) fn user(seed: SeedUser, default_domain: &str, now: Timestamp) -> Self {
        let mut user = Self::new(Kind::User(seed.role), seed.name, seed.id, now);
        user.seeded_state(seed.state, seed.disabled_age, now);
        user.display_name = seed.display_name.or_else(|| Some(user.name.clone()));
        user.email = seed.email.or_else(|| user.default_address(default_domain));
        user.aliases = seed.aliases;
        user.mailbox_size = seed.mailbox_size;
        user
    }

    pub(crate) fn group(seed: SeedGroup, now: Timestamp) -> Self {
        let mut group = Self::new(Kind::Group, seed.name, seed.id, now);
        group.seeded_state(seed.state, seed.disabled_age, now);
        group.email = seed.email;
        group.aliases = seed.aliases;
        group
    }

    pub(crate) fn resource(seed: SeedResource, default_domain: &str, now: Timestamp) -> Self {
        let mut resource = Self::new(Kind::Resource(seed.kind), seed.name, seed.id, now);
        resource.seeded_state(seed.state, seed.disabled_age, now);
        let default = || resource.default_address(default_domain);
        resource.email = seed.email.or_else(default);
        resource.aliases = seed.aliases;
        resource.mailbox_size = seed.mailbox_size;
        resource
    }

    fn default_address(&self, domain: &str) -> Option<String> {
        (self.state == EntityState::Enabled).then(|| format!("{}@{domain}", self.name))
    }

    /// Whether it has a mailbox, of which a disabled one can be restored.
    pub(crate) fn has_mailbox(&self) -> bool {
        self.kind != Kind::Group && self.state != EntityState::Deleted && self.enabled_at.is_some()
    }

    /// Returns the primary address and the other addresses.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &String> {
        self.email.iter().chain(&self.aliases)
    }

    /// Whether an identifier is its id, its name or its primary address.
    fn is_called(&self, identifier: &str) -> bool {
        let names = [Some(&self.name), self.email.as_ref()];
        self.id == identifier
            || names
                .into_iter()
                .flatten()
                .any(|name| name.eq_ignore_ascii_case(identifier))
    }

    pub(crate) fn change(&mut self, change: EntityChange, now: Timestamp) {
        let EntityChange {
            state,
            email,
            aliases,
            mailbox_size,
        } = change;
        if let Some(state) = state.filter(|state| *state != self.state) {
            self.state = state;
            match state {
                EntityState::Enabled => self.enabled_at = Some(now),
                EntityState::Disabled => self.disabled_at = Some(now),
                EntityState::Deleted => self.disabled_at = self.disabled_at.or(Some(now)),
            }
        }
        if let Some(email) = email {
            self.email = Some(email).filter(|email| !email.is_empty());
        }
        self.aliases = aliases.unwrap_or_else(|| std::mem::take(&mut self.aliases));
        self.mailbox_size = mailbox_size.unwrap_or(self.mailbox_size);
    }

    pub(crate) fn view(&self) -> EntityView {
        EntityView {
            id: self.id.clone(),
            kind: self.kind.shown(),
            name: self.name.clone(),
            email: self.email.clone(),
            aliases: self.aliases.clone(),
            state: self.state,
            enabled_at: self.enabled_at,
            disabled_at: self.disabled_at,
            mailbox_size: self.mailbox_size,
        }
    }
}

/// All entities of an organization.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entities {
    by_serial: BTreeMap<u64, Entity>,
    serials: HashMap<String, u64>,
    last_serial: u64,
}

impl Entities {
    /// Adds an entity as the last one. An entity with the same id is replaced.
    pub(crate) fn add(&mut self, entity: Entity) {
        self.remove(&entity.id.clone());
        self.last_serial += 1;
        self.serials.insert(entity.id.clone(), self.last_serial);
        let serial = self.last_serial;
        self.by_serial.insert(serial, Entity { serial, ..entity });
    }

    /// Returns an entity by its id.
    pub(crate) fn get(&self, id: &str) -> Option<&Entity> {
        self.by_serial.get(self.serials.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Entity> {
        self.by_serial.get_mut(self.serials.get(id)?)
    }

    /// Returns an entity by its id, its name or its primary address.
    pub(crate) fn find(
        &self,
        identifier: &str,
        is_wanted: impl Fn(&Entity) -> bool,
    ) -> Option<&Entity> {
        let by_id = self.get(identifier).filter(|entity| is_wanted(entity));
        by_id.or_else(|| {
            let mut entities = self.by_serial.values();
            entities.find(|entity| is_wanted(entity) && entity.is_called(identifier))
        })
    }

    /// Removes an entity as if it had never existed. Returns whether it existed.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let serial = self.serials.remove(id);
        serial.is_some_and(|serial| self.by_serial.remove(&serial).is_some())
    }

    /// Returns the entities after a number in the order of creation.
    pub(crate) fn after(&self, serial: u64) -> impl Iterator<Item = &Entity> {
        self.by_serial.range(serial + 1..).map(|(_, entity)| entity)
    }

    /// Returns an entity that is not deleted and has an address in a domain.
    pub(crate) fn in_domain(&self, domain: &str) -> Option<&Entity> {
        self.by_serial.values().find(|entity| {
            let mut domains = entity
                .addresses()
                .filter_map(|address| Some(address.split_once('@')?.1));
            entity.state != EntityState::Deleted
                && domains.any(|name| name.eq_ignore_ascii_case(domain))
        })
    }

    pub(crate) fn has_enabled_users(&self) -> bool {
        self.by_serial.values().any(|entity| {
            matches!(entity.kind, Kind::User(_)) && entity.state == EntityState::Enabled
        })
    }
}
