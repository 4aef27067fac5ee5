//! What an observer knows: the last listing, whom it serves, and so when to look again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    super::{
        CallError,
        snapshot::{APART, Missing, Snapshot},
    },
    Timing,
};
use crate::core::{ObjectKey, OrganizationId, Presence, Summary};

/// While something is in transition the next look comes after this part of its age.
const PART_OF_AGE: f64 = 0.04;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) trouble: Option<Blindness>,
    /// Someone needs a look that was begun no earlier than this.
    pub(super) demand: Option<Instant>,
    pub(super) followed: HashMap<ObjectKey, Followed>,
}

/// Why the last look saw nothing.
#[derive(Debug)]
pub(super) struct Blindness {
    pub(super) error: CallError,
    pub(super) since: Instant,
    pub(super) last: Instant,
    times: u32,
    told: bool,
}

/// One object, and what its last reconcile acted on.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) id: Option<OrganizationId>,
    acted_on: Option<Presence<Summary>>,
    /// It waits for AWS to finish something.
    in_transition: bool,
    /// When what it acted on was first seen.
    since: Instant,
    told: bool,
    pub(super) id_missing: Missing,
    pub(super) alias_missing: Missing,
}

impl State {
    /// When the next look is due; never while it would tell nobody anything.
    pub(super) fn due(&self, timing: Timing, now: Instant) -> Option<Instant> {
        let begun = self.snapshot.as_ref().map(|seen| seen.begun);
        if let Some(demand) = self.demand
            && begun.is_none_or(|begun| begun < demand)
        {
            return Some(now);
        }
        if self.followed.values().all(|one| one.id.is_none()) {
            return None;
        }
        if let Some(trouble) = &self.trouble {
            return Some(trouble.next());
        }
        Some(begun? + self.interval(timing.resync, now))
    }

    fn interval(&self, resync: Duration, now: Instant) -> Duration {
        let youngest = self
            .followed
            .values()
            .filter(|followed| followed.in_transition)
            .map(|followed| now.duration_since(followed.since))
            .min();
        let transition = youngest.map(|age| age.mul_f64(PART_OF_AGE).clamp(SHORTEST, LONGEST));
        let missing = self
            .followed
            .values()
            .any(Followed::is_missing)
            .then_some(APART);
        // At most a tenth early, never late: a listing must not be older than the interval.
        let resync = resync.mul_f64(1.0 - 0.1 * rand::random::<f64>());
        [transition, missing]
            .into_iter()
            .flatten()
            .fold(resync, Duration::min)
    }

    /// Takes a complete listing in. Gives the objects for which it shows something new.
    pub(super) fn see(&mut self, snapshot: Arc<Snapshot>) -> Vec<ObjectKey> {
        // Objects that were told of the blindness are told of its end.
        let recovered = self.trouble.take().is_some_and(|trouble| trouble.told);
        // A listing of another account is no look at what these objects acted on.
        let another = self
            .snapshot
            .as_ref()
            .is_some_and(|before| before.account != snapshot.account);
        if another {
            for followed in self.followed.values_mut() {
                followed.id_missing = Missing::default();
                followed.alias_missing = Missing::default();
            }
        }
        let mut to_tell = Vec::new();
        for (object, followed) in &mut self.followed {
            let Some(id) = &followed.id else { continue };
            let now = followed.id_missing.look(snapshot.by_id(id), snapshot.begun);
            let differs = followed
                .acted_on
                .as_ref()
                .is_some_and(|acted_on| *acted_on != now);
            if (differs || recovered) && !followed.told {
                followed.told = true;
                to_tell.push(object.clone());
            }
        }
        self.snapshot = Some(snapshot);
        to_tell
    }

    /// Takes a look that failed in. Gives the objects that have to say so by now.
    pub(super) fn see_nothing(
        &mut self,
        error: CallError,
        blind: Duration,
        now: Instant,
    ) -> Vec<ObjectKey> {
        let trouble = self.trouble.get_or_insert_with(|| Blindness {
            error: error.clone(),
            since: now,
            last: now,
            times: 0,
            told: false,
        });
        trouble.error = error;
        trouble.last = now;
        trouble.times = trouble.times.saturating_add(1);
        if trouble.told || now.duration_since(trouble.since) < blind {
            return Vec::new();
        }
        trouble.told = true;
        self.followed.keys().cloned().collect()
    }
}

impl Blindness {
    /// When to look again: 1 s doubling to 60 s.
    pub(super) fn next(&self) -> Instant {
        let doublings = self.times.saturating_sub(1).min(6);
        self.last + Duration::from_secs(60.min(1 << doublings))
    }
}

impl Followed {
    pub(super) fn new() -> Self {
        Self {
            id: None,
            acted_on: None,
            in_transition: false,
            since: Instant::now(),
            told: false,
            id_missing: Missing::default(),
            alias_missing: Missing::default(),
        }
    }

    /// Takes in what a reconcile acted on. Whether that is new.
    pub(super) fn act_on(
        &mut self,
        id: &OrganizationId,
        acted_on: Presence<Summary>,
        in_transition: bool,
    ) -> bool {
        self.told = false;
        if self.acted_on.as_ref() == Some(&acted_on) && self.in_transition == in_transition {
            return false;
        }
        self.id = Some(id.clone());
        self.acted_on = Some(acted_on);
        self.in_transition = in_transition;
        self.since = Instant::now();
        true
    }

    fn is_missing(&self) -> bool {
        matches!(self.acted_on, Some(Presence::Absent { confirmed: false }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::core::{AccountId, Operation, OrganizationState, Trouble};

    const TIMING: Timing = Timing {
        resync: Duration::from_mins(5),
        blind: Duration::from_mins(15),
    };

    fn object(name: &str) -> ObjectKey {
        ObjectKey {
            namespace: "mail".into(),
            name: name.into(),
            uid: name.into(),
        }
    }

    fn organization(name: &str, state: OrganizationState) -> Summary {
        Summary {
            id: OrganizationId::from(name),
            alias: name.into(),
            state,
            default_domain: None,
            error_message: None,
        }
    }

    fn listing(organizations: Vec<Summary>) -> Arc<Snapshot> {
        Arc::new(Snapshot::of(AccountId::from("1"), organizations))
    }

    fn following(name: &str, state: OrganizationState) -> State {
        let mut state_of_all = State::default();
        let summary = organization(name, state);
        let in_transition = summary.state.in_transition();
        let mut followed = Followed::new();
        followed.act_on(
            &summary.id.clone(),
            Presence::Present(summary),
            in_transition,
        );
        state_of_all.followed.insert(object(name), followed);
        state_of_all
    }

    fn wait(state: &State) -> Duration {
        let now = Instant::now();
        state.due(TIMING, now).unwrap().duration_since(now)
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_to_tell_is_no_reason_to_look() {
        let mut state = State::default();
        state.see(listing(vec![]));
        assert_eq!(state.due(TIMING, Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_needs_is_looked_at_now() {
        let mut state = following("acme", OrganizationState::Active);
        state.demand = Some(Instant::now());
        assert_eq!(wait(&state), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn settled_organizations_are_listed_every_resync_interval_and_never_later() {
        let mut state = following("acme", OrganizationState::Active);
        state.see(listing(vec![organization(
            "acme",
            OrganizationState::Active,
        )]));
        for _ in 0..100 {
            let wait = wait(&state);
            assert!(
                wait <= TIMING.resync && wait >= TIMING.resync.mul_f64(0.9),
                "{wait:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_transition_is_looked_at_after_four_percent_of_its_age_within_a_second_and_thirty() {
        for (age, expected) in [(0, 1), (10, 1), (100, 4), (3600, 30)] {
            let mut state = following("acme", OrganizationState::Creating);
            advance(Duration::from_secs(age)).await;
            state.see(listing(vec![organization(
                "acme",
                OrganizationState::Creating,
            )]));
            assert_eq!(wait(&state), Duration::from_secs(expected), "at {age} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_objects_whose_organization_changed_are_told_and_once() {
        let mut state = following("acme", OrganizationState::Creating);
        state
            .followed
            .extend(following("other", OrganizationState::Active).followed);
        let other = organization("other", OrganizationState::Active);
        let unchanged = vec![
            organization("acme", OrganizationState::Creating),
            other.clone(),
        ];
        assert!(state.see(listing(unchanged)).is_empty());
        let changed = vec![organization("acme", OrganizationState::Active), other];
        assert_eq!(state.see(listing(changed.clone())), [object("acme")]);
        assert!(state.see(listing(changed)).is_empty(), "told once");
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_fail_tell_nobody_for_fifteen_minutes_then_everybody_and_so_does_their_end()
    {
        let mut state = following("acme", OrganizationState::Active);
        let error = || CallError::new(Operation::ListOrganizations, Trouble::ServerFault);
        let fail = |state: &mut State| state.see_nothing(error(), TIMING.blind, Instant::now());
        assert!(fail(&mut state).is_empty());
        assert_eq!(wait(&state), Duration::from_secs(1));
        advance(TIMING.blind / 2).await;
        assert!(fail(&mut state).is_empty());
        assert_eq!(wait(&state), Duration::from_secs(2), "it backs off");
        advance(TIMING.blind / 2).await;
        assert_eq!(fail(&mut state), [object("acme")]);
        let listing = listing(vec![organization("acme", OrganizationState::Active)]);
        assert_eq!(state.see(listing), [object("acme")], "it can be seen again");
    }
}
