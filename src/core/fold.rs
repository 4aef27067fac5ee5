//! How an answer changes the view.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::{
    Action, Answer, Call, OrganizationId, OrganizationState, Presence, Release, SaveAs, Sight,
    Summary, Tags, View, report::keep,
};
use crate::api::{Origin, Pending, PendingOperation};

/// Status keeps whole seconds, as Kubernetes does. Cut off and never rounded up: an organization that
/// is completed within the same second is not older than the intent.
fn to_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

impl View {
    /// Takes a note that `decide` asked for. Other actions leave the view as it is.
    pub fn note(&mut self, action: &Action, now: Timestamp) {
        match action {
            Action::Intend(operation) => self.intend(*operation, now),
            Action::Claim(id, origin) => {
                self.take(id.clone(), *origin, now);
                // What was seen was seen for another id, or none.
                self.observed.listing = None;
            }
            Action::Manage(keys) => self.memory.managed_tag_keys.clone_from(keys),
            Action::Forget => self.memory.pending = None,
            Action::Look(_)
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Save(_)
            | Action::Call(_)
            | Action::Rest(_) => {}
        }
    }

    /// Folds in the answer to `action`.
    pub fn fold(&mut self, action: &Action, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Account(account) => self.observed.account = Some(account),
            Answer::Listing(listing) => {
                self.observed.listing = Some(listing);
                // What was described before may be another organization than the one now listed.
                self.observed.organization = Sight::NotLooked;
                self.observed.tags = None;
            }
            Answer::Organization(organization) => self.observed.organization = organization,
            Answer::Tags(tags) => self.observed.tags = Some(tags),
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
            Answer::Tagged(tags) => self.change_tags(|seen| seen.extend(tags)),
            Answer::Untagged(keys) => {
                self.memory
                    .managed_tag_keys
                    .retain(|key| !keys.contains(key));
                self.change_tags(|seen| seen.retain(|key, _| !keys.contains(key)));
            }
            Answer::DeleteAccepted => {
                self.memory.pending = None;
                self.shown.state = Some(OrganizationState::Deleting);
            }
            Answer::Refused(failure) => match action {
                Action::Call(Call::Create { .. }) => {
                    if self.facts.attempts_answered {
                        self.memory.pending = None;
                    }
                    self.observed.refused = Some(failure);
                    // A search after this has to begin with a listing begun after this.
                    if let Some(listing) = &mut self.observed.listing {
                        listing.fresh = false;
                    }
                }
                Action::Call(Call::Delete(_)) => {
                    self.memory.pending = None;
                    self.observed.refused = Some(failure);
                }
                Action::Look(_)
                | Action::AddFinalizer
                | Action::RemoveFinalizer(_)
                | Action::Intend(_)
                | Action::Claim(..)
                | Action::Manage(_)
                | Action::Forget
                | Action::Save(_)
                | Action::Call(Call::Tag { .. } | Call::Untag { .. })
                | Action::Rest(_) => self.observed.failed = Some(failure),
            },
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

    fn intend(&mut self, operation: PendingOperation, now: Timestamp) {
        let (target, input, since, candidate) = match operation {
            PendingOperation::CreateOrganization => {
                self.freeze();
                let alias = self.desired.alias.clone();
                let input = self.desired.input.clone();
                (alias, Some(input), to_seconds(now), self.listed_by_alias())
            }
            PendingOperation::DeleteOrganization => {
                let Some(id) = &self.memory.organization_id else {
                    return;
                };
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
        self.memory.organization_id = Some(id);
        self.memory.origin = Some(origin);
        self.memory.created_at = Some(to_seconds(now));
        self.freeze();
        self.memory.pending = None;
        self.facts.young = true;
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
        change(&mut tags);
        self.observed.tags = Some(Tags::Shown(tags));
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
        self.observed.organization = Sight::NotLooked;
        self.observed.tags = None;
    }
}
