//! An endpoint: state, faults, journal and clock, and the functions that tests call on them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::{
    clock::Clock,
    config::Config,
    export::S3Target,
    faults::{CallInfo, Faults, Injected, Rule, RuleId, RuleView},
    ids::OrganizationId,
    journal::{Call, CallFilter, Journal, WaitTimeout},
    knobs::{KnobError, Knobs},
    seeds::{
        Credential, EntityChange, Metadata, OrganizationChange, SeedDirectory, SeedError,
        SeedGroup, SeedOrganization, SeedResource, SeedRole, SeedUser, SeedZone,
    },
    state::{Entity, Job, Organization, State},
    views::{DirectoryView, EntityView, ExportView, OrganizationView, SessionView},
};

/// An endpoint, and the changes of its state that no client makes. A clone is the same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    journal: Journal,
}

#[expect(
    clippy::must_use_candidate,
    reason = "some functions are called for their effect"
)]
impl Endpoint {
    /// Returns an endpoint that does not listen.
    ///
    /// # Errors
    /// A seed of the configuration is not valid.
    pub fn new(config: Config) -> Result<Self, SeedError> {
        let endpoint = Self(Arc::new(Inner {
            state: Mutex::default(),
            faults: Mutex::default(),
            journal: Journal::new(config.journal_bytes),
            config,
        }));
        endpoint.reset()?;
        Ok(endpoint)
    }

    /// Restores everything to its state at the start, except the clock and the sequence of calls.
    /// Held calls are released.
    ///
    /// # Errors
    /// A seed of the configuration is not valid.
    pub fn reset(&self) -> Result<(), SeedError> {
        let config = &self.0.config;
        let mut state = State::new(config.knobs.clone(), config.s3.is_some());
        state.seed(&config.seeds, self.clock().now())?;
        *self.state() = state;
        let mut faults = self.lock_faults();
        faults.clear();
        for rule in config.faults.iter().cloned() {
            faults.add(rule);
        }
        self.0.journal.clear();
        Ok(())
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.config.clock
    }

    /// Returns the knobs.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.state().knobs.clone()
    }

    /// Changes knobs.
    pub fn change_knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.current_state().knobs);
    }

    /// Changes the knobs that are given as `{"name": value}`, and returns all.
    ///
    /// # Errors
    /// A name is unknown, or a value has the wrong form. Nothing is changed then.
    pub fn merge_knobs(&self, change: &Value) -> Result<Knobs, KnobError> {
        let mut state = self.current_state();
        state.knobs = state.knobs.merged(change)?;
        Ok(state.knobs.clone())
    }

    /// Adds a credential, or replaces the one with the same access key.
    ///
    /// # Errors
    /// The account is not valid.
    pub fn seed_credential(&self, credential: Credential) -> Result<(), SeedError> {
        self.state().seed_credential(credential)
    }

    /// Adds a role, or replaces the one with the same ARN. Its sessions stay.
    ///
    /// # Errors
    /// The ARN is not one of a role.
    pub fn seed_role(&self, role: SeedRole) -> Result<(), SeedError> {
        self.state().seed_role(role)
    }

    /// Sets the roles whose credentials the metadata endpoints offer.
    ///
    /// # Errors
    /// An ARN is not one of a role.
    pub fn set_metadata(&self, metadata: Metadata) -> Result<(), SeedError> {
        self.state().set_metadata(metadata)
    }

    /// Returns every session of a role, also those that are over.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionView> {
        self.state().sessions.views()
    }

    /// Ends every session: its credentials are refused as expired.
    pub fn expire_sessions(&self) {
        let now = self.clock().now();
        self.state().sessions.expire(now);
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// The id or the account is not valid, or the id exists.
    pub fn seed_directory(&self, seed: SeedDirectory) -> Result<DirectoryView, SeedError> {
        Ok(self.state().seed_directory(seed)?.view())
    }

    /// Adds a hosted zone.
    ///
    /// # Errors
    /// The account is not valid.
    pub fn seed_zone(&self, zone: SeedZone) -> Result<(), SeedError> {
        self.state().seed_zone(zone)
    }

    /// Adds an organization.
    ///
    /// # Errors
    /// A value is not valid, the id exists, or the directory does not.
    pub fn seed_organization(&self, seed: SeedOrganization) -> Result<OrganizationView, SeedError> {
        let now = self.clock().now();
        Ok(self.state().seed_organization(seed, now)?.view())
    }

    /// Adds a user to an organization.
    ///
    /// # Errors
    /// The organization does not exist, a value is not valid, or the id exists.
    pub fn seed_user(&self, organization: &str, seed: SeedUser) -> Result<EntityView, SeedError> {
        let now = self.clock().now();
        let make = |domain: &str| Entity::user(seed, domain, now);
        self.state().seed_entity(parse(organization)?, make)
    }

    /// Adds a group to an organization.
    ///
    /// # Errors
    /// As for [`Self::seed_user`].
    pub fn seed_group(&self, organization: &str, seed: SeedGroup) -> Result<EntityView, SeedError> {
        let now = self.clock().now();
        let make = |_: &str| Entity::group(seed, now);
        self.state().seed_entity(parse(organization)?, make)
    }

    /// Adds a resource to an organization.
    ///
    /// # Errors
    /// As for [`Self::seed_user`].
    pub fn seed_resource(
        &self,
        organization: &str,
        seed: SeedResource,
    ) -> Result<EntityView, SeedError> {
        let now = self.clock().now();
        let make = |domain: &str| Entity::resource(seed, domain, now);
        self.state().seed_entity(parse(organization)?, make)
    }

    /// Changes a user, a group or a resource without a call.
    ///
    /// # Errors
    /// Nothing has the id, or a value is not valid.
    pub fn change_entity(
        &self,
        organization: &str,
        id: &str,
        change: EntityChange,
    ) -> Result<EntityView, SeedError> {
        let now = self.clock().now();
        let organization = parse(organization)?;
        self.state().change_entity(organization, id, change, now)
    }

    /// Removes a user, a group or a resource as if it had never existed.
    ///
    /// # Errors
    /// Nothing has the id.
    pub fn remove_entity(&self, organization: &str, id: &str) -> Result<(), SeedError> {
        let mut state = self.state();
        let organization = state.find_mut(parse(organization)?);
        match organization.map(|organization| organization.entities.remove(id)) {
            Some(true) => Ok(()),
            Some(false) | None => Err(SeedError::Unknown(id.to_owned())),
        }
    }

    /// Returns the users, groups and resources of an organization.
    #[must_use]
    pub fn entities(&self, organization: &str) -> Vec<EntityView> {
        let state = self.state();
        let found = OrganizationId::parse(organization).and_then(|id| state.find(id));
        found.map_or_else(Vec::new, |organization| {
            organization.entities.after(0).map(Entity::view).collect()
        })
    }

    /// Changes an organization without a call.
    ///
    /// # Errors
    /// The organization does not exist, or a value is not valid.
    pub fn change_organization(
        &self,
        id: &str,
        change: OrganizationChange,
    ) -> Result<OrganizationView, SeedError> {
        let now = self.clock().now();
        let mut state = self.current_state();
        Ok(state.change(parse(id)?, change, now)?.view())
    }

    /// Removes an organization as if it had never existed, and frees its alias. The answer of its
    /// create is still remembered by the client token.
    ///
    /// # Errors
    /// The organization does not exist.
    pub fn remove_organization(&self, id: &str) -> Result<(), SeedError> {
        if self.state().remove(parse(id)?) {
            Ok(())
        } else {
            Err(SeedError::Unknown(id.to_owned()))
        }
    }

    /// Returns the organizations of all accounts and regions, oldest first.
    #[must_use]
    pub fn organizations(&self) -> Vec<OrganizationView> {
        let state = self.current_state();
        state.all().into_iter().map(Organization::view).collect()
    }

    /// Returns an organization.
    #[must_use]
    pub fn organization(&self, id: &str) -> Option<OrganizationView> {
        let id = OrganizationId::parse(id)?;
        Some(self.current_state().find(id)?.view())
    }

    /// Returns a directory.
    #[must_use]
    pub fn directory(&self, id: &str) -> Option<DirectoryView> {
        Some(self.current_state().directories.get(id)?.view())
    }

    /// Returns the export jobs of an organization, in the order of their starts.
    #[must_use]
    pub fn exports(&self, organization: &str) -> Vec<ExportView> {
        let now = self.clock().now();
        let mut state = self.state();
        let found = OrganizationId::parse(organization).and_then(|id| state.find_mut(id));
        found.map_or_else(Vec::new, |organization| {
            organization.exports.catch_up(now);
            organization.exports.after(0).map(Job::view).collect()
        })
    }

    /// Removes an export job as if it had never existed. What is in S3 stays.
    ///
    /// # Errors
    /// The job does not exist.
    pub fn remove_export(&self, organization: &str, job: &str) -> Result<(), SeedError> {
        let mut state = self.state();
        let organization = state.find_mut(parse(organization)?);
        match organization.map(|organization| organization.exports.remove(job)) {
            Some(true) => Ok(()),
            Some(false) | None => Err(SeedError::Unknown(job.to_owned())),
        }
    }

    /// Ends an export job that still runs, because its mailbox is written or could not be.
    pub(crate) fn finish_export(
        &self,
        organization: OrganizationId,
        job: &str,
        error: Option<String>,
    ) {
        let now = self.clock().now();
        let mut state = self.state();
        let organization = state.find_mut(organization);
        let job = organization.and_then(|organization| organization.exports.get_mut(job));
        if let Some(job) = job.filter(|job| job.is_running()) {
            job.finish(error, now);
        }
    }

    /// Returns the S3 server that export jobs write to.
    pub(crate) fn s3(&self) -> Option<&S3Target> {
        self.0.config.s3.as_ref()
    }

    /// Adds a fault rule as the last one.
    pub fn fault(&self, rule: Rule) -> RuleId {
        self.lock_faults().add(rule)
    }

    /// Returns every fault rule with its effects so far.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleView> {
        self.lock_faults().views()
    }

    /// Removes a fault rule, and releases the calls that it holds. Returns whether it existed.
    pub fn remove_fault(&self, id: RuleId) -> bool {
        self.lock_faults().remove(id)
    }

    /// Removes every fault rule, and releases all calls.
    pub fn clear_faults(&self) {
        self.lock_faults().clear();
    }

    /// Releases the calls that one rule or all rules hold, and returns their number. The rules
    /// stay.
    pub fn release(&self, id: Option<RuleId>) -> usize {
        self.lock_faults().release(id)
    }

    /// Returns every call in the journal, in the order of arrival.
    #[must_use]
    pub fn journal(&self) -> Vec<Call> {
        self.calls(&CallFilter::any())
    }

    /// Returns the calls that a filter matches, in the order of arrival.
    #[must_use]
    pub fn calls(&self, filter: &CallFilter) -> Vec<Call> {
        self.0.journal.calls(filter)
    }

    /// Returns the sequence number of the latest call, or 0. Later calls have higher numbers.
    #[must_use]
    pub fn last_call(&self) -> u64 {
        self.0.journal.last()
    }

    /// Removes every call from the journal. Sequence numbers continue.
    pub fn clear_journal(&self) {
        self.0.journal.clear();
    }

    /// Waits until a filter matches `count` calls, and returns all that it matches.
    ///
    /// # Errors
    /// The calls did not arrive within `timeout`.
    pub async fn wait_for_calls(
        &self,
        filter: &CallFilter,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Call>, WaitTimeout> {
        self.0.journal.wait(filter, count, timeout).await
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state with every change that is due.
    fn current_state(&self) -> MutexGuard<'_, State> {
        let now = self.clock().now();
        let mut state = self.state();
        state.catch_up(now);
        state
    }

    fn lock_faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls_journal(&self) -> &Journal {
        &self.0.journal
    }

    pub(crate) fn inject_faults(&self, call: &CallInfo<'_>) -> Injected {
        self.lock_faults().inject(call)
    }
}

fn parse(id: &str) -> Result<OrganizationId, SeedError> {
    OrganizationId::parse(id).ok_or_else(|| SeedError::Unknown(id.to_owned()))
}
