//! An endpoint: its state, faults, journal and clock, and everything that can be done with them
//! from outside.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::{
    clock::Clock,
    config::Config,
    faults::{Fate, Faults, Rule, RuleId, RuleView, Subject},
    ids::OrganizationId,
    journal::{Call, CallFilter, Journal, WaitTimeout},
    knobs::{KnobError, Knobs},
    seeds::{
        Credential, OrganizationChange, SeedDirectory, SeedError, SeedIdentity, SeedOrganization,
        SeedUser, SeedZone,
    },
    state::{Organization, World},
    views::{DirectoryView, OrganizationView, UserView},
};

/// The state of an endpoint, and what can be done to it behind its clients' backs. Clones are the
/// same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    world: Mutex<World>,
    faults: Mutex<Faults>,
    journal: Journal,
}

#[expect(
    clippy::must_use_candidate,
    reason = "some are called for what they do"
)]
impl Endpoint {
    /// An endpoint that nothing listens for.
    ///
    /// # Errors
    /// The configuration seeds something that makes no sense.
    pub fn new(config: Config) -> Result<Self, SeedError> {
        let endpoint = Self(Arc::new(Inner {
            world: Mutex::default(),
            faults: Mutex::default(),
            journal: Journal::new(config.journal_bytes),
            config,
        }));
        endpoint.reset()?;
        Ok(endpoint)
    }

    /// Puts everything back to how it was at the start, but for the clock and the sequence of
    /// calls. Calls that are held go on.
    ///
    /// # Errors
    /// None, once an endpoint has started.
    pub fn reset(&self) -> Result<(), SeedError> {
        let config = &self.0.config;
        let mut world = World::new(config.knobs.clone());
        world.seed(&config.seeds, self.clock().now())?;
        *self.world() = world;
        let mut faults = self.faults_guard();
        faults.clear();
        for rule in config.faults.iter().cloned() {
            faults.add(rule);
        }
        self.0.journal.clear();
        Ok(())
    }

    /// The clock that organizations live by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.config.clock
    }

    /// The knobs.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.world().knobs.clone()
    }

    /// Sets every knob.
    pub fn set_knobs(&self, knobs: Knobs) {
        let now = self.clock().now();
        self.world().set_knobs(knobs, now);
    }

    /// Changes some knobs.
    pub fn change_knobs(&self, change: impl FnOnce(&mut Knobs)) {
        let now = self.clock().now();
        let mut world = self.world();
        let mut knobs = world.knobs.clone();
        change(&mut knobs);
        world.set_knobs(knobs, now);
    }

    /// Changes some knobs, given as `{"name": value}`, and returns all.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong form; then nothing is changed.
    pub fn merge_knobs(&self, change: &Value) -> Result<Knobs, KnobError> {
        let now = self.clock().now();
        let mut world = self.world();
        let knobs = world.knobs.merged(change)?;
        world.set_knobs(knobs.clone(), now);
        Ok(knobs)
    }

    /// Names an access key, or names it anew.
    ///
    /// # Errors
    /// The account is none.
    pub fn seed_credential(&self, credential: Credential) -> Result<(), SeedError> {
        self.world().seed_credential(credential)
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// An id or account of another form, or an id that is there.
    pub fn seed_directory(&self, seed: SeedDirectory) -> Result<DirectoryView, SeedError> {
        Ok(self.world().seed_directory(seed)?.view())
    }

    /// Adds a hosted zone.
    ///
    /// # Errors
    /// The account is none.
    pub fn seed_zone(&self, zone: SeedZone) -> Result<(), SeedError> {
        self.world().seed_zone(zone)
    }

    /// Adds a verified identity of SES: a domain of its name is verified once it is registered.
    ///
    /// # Errors
    /// The account is none.
    pub fn seed_identity(&self, identity: SeedIdentity) -> Result<(), SeedError> {
        self.world().seed_identity(identity)
    }

    /// Adds an organization.
    ///
    /// # Errors
    /// An id, alias or account of another form, an id that is there, a directory that is not.
    pub fn seed_organization(&self, seed: SeedOrganization) -> Result<OrganizationView, SeedError> {
        let now = self.clock().now();
        Ok(self.world().seed_organization(seed, now)?.view())
    }

    /// Adds a user to an organization.
    ///
    /// # Errors
    /// There is no such organization, no name, or the id is there.
    pub fn seed_user(&self, organization: &str, seed: SeedUser) -> Result<UserView, SeedError> {
        let now = self.clock().now();
        Ok(self
            .world()
            .seed_user(parse(organization)?, seed, now)?
            .view())
    }

    /// Changes an organization by nobody's call.
    ///
    /// # Errors
    /// There is no such organization, or a domain has no name.
    pub fn change_organization(
        &self,
        id: &str,
        change: OrganizationChange,
    ) -> Result<OrganizationView, SeedError> {
        let now = self.clock().now();
        let mut world = self.world();
        world.catch_up(now);
        Ok(world.change(parse(id)?, change, now)?.view())
    }

    /// Removes an organization as if it had never been, and frees its alias. The answer of a
    /// create is still remembered by its client token.
    ///
    /// # Errors
    /// There is no such organization.
    pub fn remove_organization(&self, id: &str) -> Result<(), SeedError> {
        if self.world().remove(parse(id)?) {
            Ok(())
        } else {
            Err(SeedError::Unknown(id.to_owned()))
        }
    }

    /// Every organization of every account and region, oldest first.
    #[must_use]
    pub fn organizations(&self) -> Vec<OrganizationView> {
        let now = self.clock().now();
        let mut world = self.world();
        world.catch_up(now);
        world.all().into_iter().map(Organization::view).collect()
    }

    /// One organization, by id.
    #[must_use]
    pub fn organization(&self, id: &str) -> Option<OrganizationView> {
        let now = self.clock().now();
        let mut world = self.world();
        world.catch_up(now);
        Some(world.find(OrganizationId::parse(id)?)?.view())
    }

    /// One directory, by id.
    #[must_use]
    pub fn directory(&self, id: &str) -> Option<DirectoryView> {
        let now = self.clock().now();
        let mut world = self.world();
        world.catch_up(now);
        Some(world.directories.get(id)?.view())
    }

    /// Adds a rule after those that are there.
    pub fn fault(&self, rule: Rule) -> RuleId {
        self.faults_guard().add(rule)
    }

    /// Every rule, and what has become of it.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleView> {
        self.faults_guard().views()
    }

    /// Removes a rule, and lets the calls go on that it holds. False if it is not there.
    pub fn remove_fault(&self, id: RuleId) -> bool {
        self.faults_guard().remove(id)
    }

    /// Removes every rule, and lets all calls go on.
    pub fn clear_faults(&self) {
        self.faults_guard().clear();
    }

    /// Lets the calls go on that a rule holds, or all calls that are held; the rules stay. Returns
    /// how many calls that were.
    pub fn release(&self, id: Option<RuleId>) -> usize {
        self.faults_guard().release(id)
    }

    /// Every call that is remembered, in the order of arrival.
    #[must_use]
    pub fn journal(&self) -> Vec<Call> {
        self.calls(&CallFilter::any())
    }

    /// The calls that a filter takes, in the order of arrival.
    #[must_use]
    pub fn calls(&self, filter: &CallFilter) -> Vec<Call> {
        self.0.journal.calls(filter)
    }

    /// The sequence number of the latest call, 0 before the first: a mark to look for calls after.
    #[must_use]
    pub fn last_call(&self) -> u64 {
        self.0.journal.last()
    }

    /// Forgets every call. Sequence numbers go on.
    pub fn clear_journal(&self) {
        self.0.journal.clear();
    }

    /// Waits until a filter takes `count` calls, and returns all that it takes then.
    ///
    /// # Errors
    /// They did not come within `timeout`.
    pub async fn wait_for_calls(
        &self,
        filter: &CallFilter,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Call>, WaitTimeout> {
        self.0.journal.wait(filter, count, timeout).await
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults_guard(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal of calls.
    pub(crate) fn journal_of_calls(&self) -> &Journal {
        &self.0.journal
    }

    pub(crate) fn fate(&self, call: &Subject<'_>) -> Fate {
        self.faults_guard().fate(call)
    }
}

fn parse(id: &str) -> Result<OrganizationId, SeedError> {
    OrganizationId::parse(id).ok_or_else(|| SeedError::Unknown(id.to_owned()))
}
