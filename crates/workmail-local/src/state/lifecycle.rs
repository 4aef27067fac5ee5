//! How organizations change by themselves: each has a plan, and plans are carried out up to the
//! present whenever somebody looks.

use std::time::Duration;

use jiff::Timestamp;

use super::{Deletion, Organization, Step, World};
use crate::{clock::after, ids::OrganizationId, knobs::Knobs, words};

/// The longest `ErrorMessage` that the model allows, in characters.
const LONGEST_MESSAGE: usize = 256;

/// The plan of an organization that is created now.
pub(crate) fn creation(
    knobs: &Knobs,
    now: Timestamp,
    failure: Option<String>,
) -> Vec<(Timestamp, Step)> {
    let creating = after(now, knobs.requested_for.draw());
    let end = after(creating, knobs.creating_for.draw());
    let last = failure.map_or(Step::Enter(words::ACTIVE), Step::Fail);
    vec![(creating, Step::Enter(words::CREATING)), (end, last)]
}

/// The plan of an organization that is deleted now.
fn deletion(knobs: &Knobs, now: Timestamp, failure: Option<String>) -> Vec<(Timestamp, Step)> {
    let deleting = after(now, knobs.delete_hidden_for.0);
    let end = after(deleting, knobs.deleting_for.draw());
    let last = failure.map_or(Step::Enter(words::DELETED), Step::Fail);
    vec![(deleting, Step::Enter(words::DELETING)), (end, last)]
}

impl World {
    /// Carries out every plan up to `now`.
    pub(crate) fn catch_up(&mut self, now: Timestamp) {
        while let Some((due, id)) = self.agenda.first().copied()
            && due <= now
        {
            self.agenda.pop_first();
            self.carry_out(id, now);
        }
        self.settle_domains(now);
    }

    fn carry_out(&mut self, id: OrganizationId, now: Timestamp) {
        loop {
            let Some(organization) = self.organizations.get_mut(&id) else {
                return;
            };
            match organization.plan.front() {
                Some((at, _)) if *at > now => {
                    self.agenda.insert((*at, id));
                    return;
                }
                None => return,
                Some(_) => {}
            }
            let Some((at, step)) = organization.plan.pop_front() else {
                return;
            };
            match step {
                Step::Enter(state) => self.enter(id, state.to_owned(), None, at),
                Step::Fail(message) => {
                    organization.deletion = None;
                    self.enter(id, words::FAILED.to_owned(), Some(message), at);
                }
                Step::Vanish => {
                    self.take_out(id);
                }
            }
        }
    }

    /// Puts an organization into a state at a time, with all that follows from it.
    fn enter(&mut self, id: OrganizationId, state: String, message: Option<String>, at: Timestamp) {
        let Some(organization) = self.organizations.get_mut(&id) else {
            return;
        };
        let was_deleted = organization.is_deleted();
        organization.state = state;
        organization.error_message =
            message.map(|text| text.chars().take(LONGEST_MESSAGE).collect());
        let first = organization.state == words::ACTIVE && organization.completed_date.is_none();
        if first {
            organization.completed_date = Some(at);
        }
        let is_deleted = organization.is_deleted();
        organization.deleted_at = is_deleted.then_some(at);
        let account = organization.place.account.clone();
        let directory_id = organization.directory_id.clone();
        if is_deleted && !was_deleted {
            let with_directory = organization
                .deletion
                .is_some_and(|deletion| deletion.directory);
            if let Some(visible) = self.knobs.deleted_visible_for.span() {
                organization
                    .plan
                    .push_back((after(at, visible), Step::Vanish));
            }
            self.directories.leave(&directory_id, with_directory);
            self.discount(&account);
        } else if was_deleted && !is_deleted {
            let alias = organization.alias.clone();
            self.directories.take(&directory_id, id, &alias);
            *self.counted.entry(account).or_default() += 1;
        }
        self.hold_domains(id);
        if first {
            self.verify_all(id, at);
        }
    }

    /// Starts a deletion.
    pub(crate) fn delete(
        &mut self,
        id: OrganizationId,
        deletion_of: Deletion,
        failure: Option<String>,
        now: Timestamp,
    ) {
        let plan = deletion(&self.knobs, now, failure);
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.deletion = Some(deletion_of);
            self.replan(id, plan);
        }
    }

    /// Puts an organization into a state from outside, where it stays.
    pub(crate) fn force(
        &mut self,
        id: OrganizationId,
        state: String,
        message: Option<String>,
        now: Timestamp,
    ) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.deletion = None;
            self.replan(id, Vec::new());
            self.enter(id, state, message, now);
            self.reschedule(id);
        }
    }

    /// Takes over other knobs; how long Deleted organizations stay visible counts for those that
    /// are there, too.
    pub(crate) fn set_knobs(&mut self, knobs: Knobs, now: Timestamp) {
        self.catch_up(now);
        let visible = knobs.deleted_visible_for;
        if visible != self.knobs.deleted_visible_for {
            let deleted: Vec<(OrganizationId, Timestamp)> = self
                .organizations
                .values()
                .filter_map(|organization| Some((organization.id, organization.deleted_at?)))
                .collect();
            for (id, at) in deleted {
                let vanishes = visible.span().map(|span| (after(at, span), Step::Vanish));
                self.replan(id, vanishes.into_iter().collect());
            }
        }
        self.knobs = knobs;
        self.catch_up(now);
    }

    fn replan(&mut self, id: OrganizationId, plan: Vec<(Timestamp, Step)>) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            if let Some((at, _)) = organization.plan.front() {
                self.agenda.remove(&(*at, id));
            }
            organization.plan = plan.into();
            self.reschedule(id);
        }
    }

    fn reschedule(&mut self, id: OrganizationId) {
        let plan = self
            .organizations
            .get(&id)
            .map(|organization| &organization.plan);
        if let Some((at, _)) = plan.and_then(|plan| plan.front()) {
            self.agenda.insert((*at, id));
        }
    }
}

impl Organization {
    /// Whether it was created less than `span` ago by a call.
    pub(crate) fn is_younger(&self, span: Duration, now: Timestamp) -> bool {
        !self.seeded && now < after(self.created_at, span)
    }
}
