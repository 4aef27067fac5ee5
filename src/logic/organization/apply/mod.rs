//! How an answer changes the view.

mod domains;
mod exports;
mod resume;

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::{
    AccountId, Action, Answer, Call, Difference, Endpoint, Failure, OrganizationId,
    OrganizationState, Owner, OwnerName, Presence, Reading, Release, SaveAs, Summary, TagStep,
    Tags, View, drift, report::keep,
};
use crate::api::{Origin, Pending, PendingOperation, Reason, SeenOwner};

/// Whether the refusal of a call for a domain leaves the other domains to be corrected. At the quota no
/// other is registered ([`super::DomainPlan`]), and one that leaves makes room.
const fn leaves_others(call: &Call, reason: Reason) -> bool {
    matches!(
        (call, reason),
        (
            _,
            Reason::DomainInUse | Reason::DomainNotVerified | Reason::DomainRefused
        ) | (Call::Register { .. }, Reason::LimitExceeded)
    )
}

/// Status keeps whole seconds, as Kubernetes does. Cut off and never rounded up: an organization that
/// is completed within the same second is not older than the intent.
fn to_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

impl View {
    /// Takes a note that `decide` asked for. Other actions leave the view as it is.
    pub fn record(&mut self, action: &Action, now: Timestamp) {
        match action {
            Action::Intend(operation) => self.intend(*operation, now),
            Action::Claim(id, origin) => {
                // The tags that were read in this reconcile are this organization's.
                let owner = self.memory.owner.take();
                self.take(id.clone(), *origin, now);
                self.memory.owner = owner.filter(|_| self.shows_tags());
                // What was seen was seen for another id, or none.
                self.observed.listing = None;
            }
            Action::Freeze => self.freeze(),
            Action::Manage(keys) => self.memory.managed_tag_keys.clone_from(keys),
            Action::ManageDomains(domains) => self.manage_domains(domains, now),
            Action::Forget => {
                if self.has_older_create() {
                    self.observed.refused = None;
                }
                self.forget_create();
                self.unfreeze();
            }
            Action::Read(_)
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Save(_)
            | Action::Call(_)
            | Action::WriteClosing(_)
            | Action::KeepEndpoint(_)
            | Action::Finish(_) => {}
        }
    }

    /// Folds in the answer to `action`.
    pub fn apply_answer(&mut self, action: &Action, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Account(account) => self.see_account(account),
            Answer::Listing(listing) => {
                self.observed.listing = Some(listing);
                // What was described before may be another organization than the one now listed.
                self.observed.organization = Reading::NotRead;
                self.observed.tags = None;
                self.forget_owner();
            }
            Answer::Organization(organization) => self.observed.organization = organization,
            Answer::Tags(tags) => {
                self.observed.tags = Some(tags);
                self.observed.owner_lives = None;
                self.see_owner(now);
            }
            Answer::OwnerLives(lives) => self.observed.owner_lives = Some(lives),
            Answer::Domains(sight) => self.see_domains(sight, now),
            Answer::Addresses { domain, holder } => self.see_addresses(domain, holder),
            Answer::Endpoint(endpoint) => self.observed.endpoint = Some(endpoint),
            Answer::EndpointKept(entries) => {
                self.observed.endpoint = Some(if entries.is_empty() {
                    Endpoint::Absent
                } else {
                    Endpoint::Kept(entries)
                });
            }
            Answer::Gate(reading) => self.observed.gate = Some(reading),
            Answer::Checks { found, failure } => self.see_checks(action, found, failure),
            Answer::ClosingWritten => self.see_closing(),
            Answer::Current => self.observed.current = true,
            Answer::Scope(scope) => self.observed.scope = Some(scope),
            Answer::FinalizerAdded => self.desired.finalizer = true,
            Answer::FinalizerRemoved(release) => {
                self.desired.finalizer = false;
                self.observed.released = (release != Release::PolicyRetain).then_some(release);
            }
            Answer::Saved => {
                if let Action::Save(save) = action {
                    self.see_saved(*save);
                }
            }
            Answer::Created(id) => {
                self.take(id.clone(), Origin::Created, now);
                self.shown.state = Some(OrganizationState::Requested);
                self.see_created(id);
            }
            Answer::Tagged(tags) => {
                // What was taken over or adopted is a claim, and has to stand its test.
                let claims = self.claims();
                self.facts.unproven_claim |= claims;
                self.change_tags(|seen| seen.extend(tags));
                if !claims {
                    self.see_owner(now);
                }
            }
            Answer::Untagged(keys) => {
                self.memory
                    .managed_tag_keys
                    .retain(|key| !keys.contains(key));
                self.change_tags(|seen| seen.retain(|key, _| !keys.contains(key)));
                self.see_owner(now);
            }
            Answer::Registered(domain) => self.see_registered(domain, now),
            Answer::DefaultSet(domain) => self.see_default(domain),
            Answer::Deregistered(domain) => self.see_deregistered(&domain),
            Answer::DeleteAccepted => self.see_accepted(now),
            Answer::Refused(failure) => self.apply_refusal(action, failure),
            Answer::Failed {
                failure,
                did_nothing,
            } => {
                if let Action::Call(Call::Create { .. }) = action {
                    self.facts.attempts_answered &= did_nothing;
                }
                self.observed.failed = Some(failure);
            }
        }
    }

    /// AWS said no, and did nothing.
    fn apply_refusal(&mut self, action: &Action, failure: Failure) {
        match action {
            Action::Call(Call::Create { .. }) => {
                let is_older = self.has_older_create();
                let is_over = self.facts.attempts_answered;
                if is_over {
                    self.forget_create();
                    self.unfreeze();
                }
                // It says nothing of the spec as it is now, which is sent next.
                self.observed.refused = (!is_over || !is_older).then_some(failure);
                // A search after this has to begin with a listing begun after this.
                if let Some(listing) = &mut self.observed.listing {
                    listing.fresh = false;
                }
            }
            Action::Call(Call::Delete(_)) => {
                self.memory.pending = None;
                self.observed.refused = Some(failure);
            }
            Action::Call(
                call @ (Call::Register { domain, .. }
                | Call::SetDefault { domain, .. }
                | Call::Deregister { domain, .. }),
            ) if leaves_others(call, failure.reason) => {
                let failure = self.with_default(call, failure);
                if let Call::Register { .. } = call {
                    self.forget_unregistered(domain, failure.reason == Reason::LimitExceeded);
                }
                self.observed
                    .refused_domains
                    .insert(domain.clone(), failure);
            }
            Action::WriteClosing(closing) => {
                self.observed.failed = Some(closing.refused(failure));
            }
            // A claim that is refused ends the reconcile: nothing else is done without it.
            Action::Call(call @ (Call::Tag { .. } | Call::Untag { .. })) if !self.claims() => {
                let step = TagStep::of(call);
                self.observed
                    .refused_tags
                    .extend(step.map(|step| (step, failure)));
            }
            Action::Read(_)
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Intend(_)
            | Action::Claim(..)
            | Action::Freeze
            | Action::Manage(_)
            | Action::ManageDomains(_)
            | Action::Forget
            | Action::Save(_)
            | Action::KeepEndpoint(_)
            | Action::Call(
                Call::Tag { .. }
                | Call::Untag { .. }
                | Call::Register { .. }
                | Call::SetDefault { .. }
                | Call::Deregister { .. },
            )
            | Action::Finish(_) => self.observed.failed = Some(failure),
        }
    }

    fn intend(&mut self, operation: PendingOperation, now: Timestamp) {
        let (target, input, since, candidate) = match operation {
            PendingOperation::CreateOrganization => {
                self.freeze();
                let alias = self.desired.alias.clone();
                let input = self.desired.input.clone();
                let along = input.domains.iter().map(|one| one.domain_name.clone());
                self.manage_domains(&along.collect(), now);
                (alias, Some(input), to_seconds(now), self.listed_by_alias())
            }
            PendingOperation::DeleteOrganization => {
                let Some(id) = &self.memory.organization_id else {
                    return;
                };
                // The one before, if there was one, came to nothing.
                self.memory.deletion_accepted = None;
                // The client token is made of it: two intents of one second are two.
                (id.as_str().to_owned(), None, now, None)
            }
        };
        self.memory.pending = Some(Pending {
            operation,
            target,
            since,
            candidate,
            input,
        });
        self.facts.pending_expired = false;
    }

    /// The organization that has the alias in the listing.
    fn listed_by_alias(&self) -> Option<String> {
        match &self.observed.listing.as_ref()?.by_alias {
            Presence::Present(summary) => Some(summary.id.to_string()),
            Presence::Absent { .. } => None,
        }
    }

    fn take(&mut self, id: OrganizationId, origin: Origin, now: Timestamp) {
        let created = origin == Origin::Created;
        if !created {
            // What it has was there before.
            self.forget_create();
        }
        self.shown.seen = None;
        self.memory.organization_id = Some(id);
        // The owner that was seen may be another organization's.
        self.memory.owner = None;
        self.memory.origin = Some(origin);
        self.memory.created_at = created.then(|| to_seconds(now));
        self.freeze();
        self.memory.pending = None;
        self.memory.deletion_accepted = None;
        self.facts.young = created;
    }

    /// A create that made nothing is remembered no more, nor the domains that went along.
    fn forget_create(&mut self) {
        self.memory.pending = None;
        if self.memory.organization_id.is_none() {
            self.memory.managed_domains.clear();
            self.shown.domains.clear();
        }
    }

    /// Nothing was left behind in the recorded account and region: the object is free to go elsewhere.
    fn unfreeze(&mut self) {
        if self.memory.organization_id.is_some() {
            return;
        }
        self.memory.account = None;
        if self.memory.region.take() != self.desired.region {
            // What was seen was seen in another region.
            self.observed.listing = None;
            self.observed.organization = Reading::NotRead;
            self.observed.tags = None;
        }
    }

    /// AWS accepted the deletion. What was seen of the organization was seen before, so its state is
    /// taken from the answer.
    fn see_accepted(&mut self, now: Timestamp) {
        self.memory.pending = None;
        self.memory.deletion_accepted = Some(to_seconds(now));
        self.memory.sweep = None;
        self.shown.state = Some(OrganizationState::Deleting);
        if let Some(listing) = &mut self.observed.listing {
            listing.deletion_failed = false;
            if let Some(Presence::Present(row)) = &mut listing.by_id {
                row.state = OrganizationState::Deleting;
            }
        }
        if let Reading::Seen(organization) = &mut self.observed.organization {
            organization.summary.state = OrganizationState::Deleting;
        }
    }

    const fn shows_tags(&self) -> bool {
        matches!(self.observed.tags, Some(Tags::Shown(_)))
    }

    /// Remembers whom the tags name, which AWS shows or has just taken from us. Hidden tags name nobody
    /// anew: whom they named when they were last read is remembered on.
    fn see_owner(&mut self, now: Timestamp) {
        if let Some(Tags::Shown(tags)) = &self.observed.tags {
            // What was changed back in this reconcile is as it was saved.
            let known = [self.memory.owner.take(), self.saved.owner.clone()];
            let known = known.into_iter().flatten();
            let seen = SeenOwner::after(known, OwnerName::of(tags), to_seconds(now));
            self.memory.owner = Some(seen);
        }
    }

    /// While the object has no organization, the owner that was seen is that of the one it means: with
    /// that one it goes.
    fn forget_owner(&mut self) {
        if self.memory.organization_id.is_some() {
            return;
        }
        let candidate = self.candidate().map(|row| &row.id);
        if candidate.is_none() || self.shown.seen.is_some() && candidate != self.shown.seen.as_ref()
        {
            self.memory.owner = None;
        }
    }

    /// Whether tags that are written now claim an organization of nobody or of somebody else.
    #[must_use]
    pub fn claims(&self) -> bool {
        let Some(Tags::Shown(tags)) = &self.observed.tags else {
            return false;
        };
        match Owner::of(tags, &self.cluster, &self.desired.object) {
            Owner::Us => false,
            Owner::Nobody => self.memory.organization_id.is_none(),
            Owner::Other(_) => true,
        }
    }

    /// Takes note of changes back: the spec is as it was when AWS was as the spec says.
    fn records_correction<T: IntoIterator<Item = Difference>>(
        &mut self,
        drift: impl FnOnce() -> T,
    ) {
        if self.facts.was_in_sync || self.was_ready() {
            self.observed.corrected.extend(drift());
        }
    }

    /// Account and region stay as first recorded, whatever the operator's defaults become.
    fn freeze(&mut self) {
        let Self {
            memory,
            observed,
            desired,
            ..
        } = self;
        if memory.account.is_none() {
            memory.account.clone_from(&observed.account);
        }
        if memory.region.is_none() {
            memory.region.clone_from(&desired.region);
        }
    }

    /// The API server now holds what the save was made of.
    fn see_saved(&mut self, save: SaveAs) {
        let written = keep(self, save);
        self.previous = written.verdicts;
        self.observed_generation = written.observed_generation;
        self.shown = written.shown;
        if save == SaveAs::Intent {
            self.observed.current = true;
            if self.memory.pending_create() != self.saved.pending_create() {
                // Nothing was attempted under this intent yet.
                self.facts.attempts_answered = true;
            }
        }
        self.saved = self.memory.clone();
    }

    fn change_tags(&mut self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        let mut tags = match self.observed.tags.take() {
            Some(Tags::Shown(tags)) => tags,
            Some(Tags::Hidden) | None => BTreeMap::new(),
        };
        let before = tags.clone();
        change(&mut tags);
        self.records_correction(|| drift::tags(&before, &tags));
        self.observed.tags = Some(Tags::Shown(tags));
    }

    /// The credentials are of this account. Which `WorkMailAccount` they came from is remembered, unless
    /// they are of another account than they should be: nothing is done with those.
    fn see_account(&mut self, account: AccountId) {
        let access = &self.facts.access;
        let expected = access.granted().and_then(|(one, ..)| one.expected.as_ref());
        let mut guards = self.memory.account.iter().chain(expected);
        if guards.all(|guard| *guard == account) {
            let used = access.account_name().map(str::to_owned);
            self.memory.account_name = used.or(self.memory.account_name.take());
        }
        self.observed.account = Some(account);
    }

    /// The listing was made before the create, so what it says of this id is taken from the answer.
    fn see_created(&mut self, id: OrganizationId) {
        if let Some(listing) = &mut self.observed.listing {
            let summary = match &listing.by_alias {
                // A repeated create: the list already shows what the token made.
                Presence::Present(summary) if summary.id == id => summary.clone(),
                Presence::Present(_) | Presence::Absent { .. } => Summary {
                    id,
                    alias: self.desired.alias.clone(),
                    state: OrganizationState::Requested,
                    default_domain: None,
                    error_message: None,
                },
            };
            listing.by_id = Some(Presence::Present(summary));
        }
        self.observed.organization = Reading::NotRead;
        self.observed.tags = None;
    }
}
