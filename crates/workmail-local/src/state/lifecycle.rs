//! How organizations change with time.
//!
//! Each organization has a plan: steps and their times. The steps that are due are carried out
//! whenever the state is read.

use std::time::Duration;

use jiff::Timestamp;

use super::{Organization, State, Step};
use crate::{clock::after, ids::OrganizationId, knobs::Knobs, states};

/// The longest `ErrorMessage` that the model allows, in characters.
const LONGEST_MESSAGE: usize = 256;

/// Returns the plan of a new organization. With `failure` it ends in Failed with that message.
pub(crate) fn creation(
    knobs: &Knobs,
    now: Timestamp,
    failure: Option<String>,
) -> Vec<(Timestamp, Step)> {
    let creating = after(now, knobs.requested_for.draw());
    let end = after(creating, knobs.creating_for.draw());
    let last = failure.map_or(Step::Enter(states::ACTIVE), Step::Fail);
    vec![(creating, Step::Enter(states::CREATING)), (end, last)]
}

impl State {
    /// Carries out every step that is due at `now`.
    pub(crate) fn catch_up(&mut self, now: Timestamp) {
        while let Some((due, id)) = self.schedule.first().copied()
            && due <= now
        {
            self.schedule.pop_first();
            self.carry_out_plan(id, now);
        }
        self.end_verifications(now);
    }

    fn carry_out_plan(&mut self, id: OrganizationId, now: Timestamp) {
        while let Some(organization) = self.organizations.get_mut(&id)
            && organization.plan.front().is_some_and(|(at, _)| *at <= now)
            && let Some((at, step)) = organization.plan.pop_front()
        {
            match step {
                Step::Enter(state) => self.enter(id, state.to_owned(), None, at),
                Step::Fail(message) => {
                    organization.accepted_deletion = None;
                    self.enter(id, states::FAILED.to_owned(), Some(message), at);
                }
                Step::Vanish => drop(self.remove_from_view(id)),
            }
        }
        self.schedule_plan(id);
    }

    /// Puts an organization into a state, with all consequences.
    fn enter(&mut self, id: OrganizationId, state: String, message: Option<String>, at: Timestamp) {
        let Some(organization) = self.organizations.get_mut(&id) else {
            return;
        };
        let was_deleted = organization.is_deleted();
        organization.state = state;
        organization.error_message =
            message.map(|text| text.chars().take(LONGEST_MESSAGE).collect());
        let became_usable =
            organization.state == states::ACTIVE && organization.completed_date.is_none();
        if became_usable {
            organization.completed_date = Some(at);
        }
        let is_deleted = organization.is_deleted();
        let account = organization.location.account.clone();
        let directory_id = organization.directory_id.clone();
        if is_deleted && !was_deleted {
            let with_directory = organization.accepted_deletion.unwrap_or_default();
            let visible = self.knobs.deleted_visible_for.span();
            let vanishes = visible.map(|span| (after(at, span), Step::Vanish));
            organization.plan.extend(vanishes);
            self.directories.release(&directory_id, with_directory);
            self.decrease_count(&account);
        } else if was_deleted && !is_deleted {
            let alias = organization.alias.clone();
            self.directories.assign(&directory_id, id, &alias);
            *self.counts.entry(account).or_default() += 1;
        }
        self.update_holders(id);
        if became_usable {
            self.start_verifications(id, at);
        }
    }

    /// Starts a deletion, with or without the directory. With `failure` it ends in Failed with
    /// that message.
    pub(crate) fn delete(
        &mut self,
        id: OrganizationId,
        with_directory: bool,
        failure: Option<String>,
        now: Timestamp,
    ) {
        let deleting = after(now, self.knobs.delete_hidden_for.0);
        let end = after(deleting, self.knobs.deleting_for.draw());
        let last = failure.map_or(Step::Enter(states::DELETED), Step::Fail);
        let plan = vec![(deleting, Step::Enter(states::DELETING)), (end, last)];
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.accepted_deletion = Some(with_directory);
            self.replace_plan(id, plan);
        }
    }

    /// Puts an organization into a state without a call. The state does not change with time.
    pub(crate) fn set_state(
        &mut self,
        id: OrganizationId,
        state: String,
        message: Option<String>,
        now: Timestamp,
    ) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.accepted_deletion = None;
            self.replace_plan(id, Vec::new());
            self.enter(id, state, message, now);
            self.schedule_plan(id);
        }
    }

    fn replace_plan(&mut self, id: OrganizationId, plan: Vec<(Timestamp, Step)>) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            if let Some((at, _)) = organization.plan.front() {
                self.schedule.remove(&(*at, id));
            }
            organization.plan = plan.into();
            self.schedule_plan(id);
        }
    }

    pub(super) fn schedule_plan(&mut self, id: OrganizationId) {
        let organization = self.organizations.get(&id);
        if let Some((at, _)) = organization.and_then(|organization| organization.plan.front()) {
            self.schedule.insert((*at, id));
        }
    }
}

impl Organization {
    /// Whether a call created it less than `span` ago.
    pub(crate) fn is_younger_than(&self, span: Duration, now: Timestamp) -> bool {
        !self.seeded && now < after(self.created_at, span)
    }
}
