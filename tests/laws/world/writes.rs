//! What must hold of every write to an object, and of every word.

use workmail_operator::{
    api::{ConditionStatus, ConditionType, DeletionPolicy, EventReason},
    logic::{
        EventKind, ObjectEvent, Owner,
        organization::{
            Action, Memory, OrganizationState as State, Outcome, Presence, Recorded, Release,
        },
    },
};

use super::{FIFTEEN_MINUTES, World, driver::Running, server::Object};

impl World {
    /// The finalizer is about to go on or off, if the view is fresh.
    pub(super) fn watch_finalizer(&mut self, running: &Running, action: &Action) {
        let Some(object) = self.server.get(&running.uid).cloned() else {
            return;
        };
        let Action::RemoveFinalizer(release) = action else {
            let asked = object.spec.deletion_policy == DeletionPolicy::Delete;
            return self.check(
                asked || running.view().desired.generation != object.generation,
                "the finalizer is there while the policy is Delete",
                || format!("{object:?}"),
            );
        };
        if running.version != object.version {
            return;
        }
        let seen = &running.seen;
        let memory = &object.status.memory;
        let mut orgs = self.aws.orgs.clone().into_iter();
        let remains = orgs.find(|(id, org)| {
            let known = memory.organization_id.as_ref();
            let is_it = known.map_or(org.token.as_ref() == Some(&object.uid), |known| {
                known.as_str() == id
            });
            is_it && org.lives()
        });
        let others = remains.as_ref().is_some_and(|(_, org)| {
            matches!(
                Owner::of(&org.tags, &self.cluster, &object.desired().object),
                Owner::Other(_)
            )
        });
        match release {
            Release::Deleted { .. } => {
                let accepted = memory.deletion_accepted.is_some();
                let described = running.view().observed.organization.seen();
                let absent = seen.confirmed_absent() && (accepted || !running.view().facts.young);
                let says = seen.row().is_some_and(|row| row.state == State::Deleted)
                    || described.is_some_and(|one| one.summary.state == State::Deleted);
                self.check(
                    absent || says,
                    "nothing is concluded from one absence",
                    || format!("released as deleted: {seen:?}"),
                );
                let (holds, how) = (remains.is_none(), format!("{remains:?}"));
                self.check(holds, "an object goes after its organization", || how);
            }
            Release::NeverCreated => {
                let nothing = memory.organization_id.is_none() && memory.pending.is_none();
                let age = memory
                    .pending
                    .as_ref()
                    .map(|pending| self.now.duration_since(pending.since));
                let searched = age.is_some_and(|age| age >= FIFTEEN_MINUTES)
                    && seen.listing.as_ref().is_some_and(|listing| {
                        listing.by_alias != Presence::Absent { confirmed: false }
                    });
                self.check(
                    nothing || searched,
                    "nothing is concluded from one absence",
                    || format!("released as never created: {memory:?}, {seen:?}"),
                );
                let holds = remains.is_none() || object.wiped || others;
                let how = format!("{remains:?}");
                self.check(holds, "an object goes after its organization", || how);
            }
            Release::Retained(_) | Release::PolicyRetain => {}
        }
    }

    /// A status was written.
    pub(super) fn watch_status(
        &mut self,
        running: &Running,
        before: Option<&Object>,
        status: &Recorded,
    ) {
        let count = |kind| {
            status
                .verdicts
                .iter()
                .filter(|seen| seen.kind == kind)
                .count()
        };
        self.check(
            count(ConditionType::Ready) == 1,
            "Ready is always present",
            || format!("{status:?}"),
        );
        self.check(
            count(ConditionType::Stalled) + count(ConditionType::Reconciling) <= 1,
            "Stalled and Reconciling are never both there",
            || format!("{status:?}"),
        );
        for verdict in &status.verdicts {
            self.watch_text(&verdict.message);
        }
        let Some(before) = before else { return };
        if before.leaves() {
            let was = before.status.condition(ConditionType::Ready).cloned();
            let is = status.condition(ConditionType::Ready);
            self.check(
                is.is_some_and(|is| is.status == ConditionStatus::False),
                "Ready is False once a deletion begins",
                || format!("{was:?} became {is:?}"),
            );
        }
        self.watch_place(before, status);
        self.watch_origin(running, before, status);
        self.watch_managed(running, before, status);
        self.watch_ready(running, before, status);
    }

    /// Where the organization is, or may be, is not forgotten.
    fn watch_place(&mut self, before: &Object, status: &Recorded) {
        let place = |memory: &Memory| (memory.account.clone(), memory.region.clone());
        let (was, is) = (place(&before.status.memory), place(&status.memory));
        if was == is || was == (None, None) {
            return;
        }
        let mut orgs = self.aws.orgs.values();
        let remains = orgs.any(|org| org.token.as_ref() == Some(&before.uid) && org.lives());
        let known = status.memory.organization_id.is_some() || status.memory.pending.is_some();
        self.check(
            !known && (!remains || before.wiped),
            "account and region stay while anything may exist",
            || format!("{before:?} became {status:?}"),
        );
    }

    /// What is told of an object that goes while its organization stays, or does not.
    pub(super) fn watch_release(
        &mut self,
        running: &Running,
        outcome: &Outcome,
        notes: &[ObjectEvent],
    ) {
        let Outcome::Released(Release::Retained(_)) = outcome else {
            return;
        };
        let has = |kind| notes.iter().any(|note| note.kind == kind);
        let view = &running.view();
        let undone = view
            .shown
            .state
            .as_ref()
            .is_some_and(|state| !state.leaves());
        let lost = view.memory.deletion_accepted.is_some() && !undone
            || view.memory.pending_delete().is_some();
        self.check(
            has(EventKind::Alert(EventReason::TooLate)) == lost
                && has(EventKind::Normal(EventReason::Retained)) != lost,
            "an accepted deletion is not told as retained",
            || format!("{notes:?} of {:?}", view.memory),
        );
    }

    fn watch_ready(&mut self, running: &Running, before: &Object, status: &Recorded) {
        if !status.is(ConditionType::Ready) {
            return;
        }
        let was = before.status.is(ConditionType::Ready)
            && before.status.observed_generation == status.observed_generation;
        let seen = &running.seen;
        let spec = &running.view().desired;
        let tags_hold = seen.tags.as_ref().is_some_and(|(_, actual)| {
            spec.tags
                .iter()
                .all(|(key, value)| actual.get(key) == Some(value))
                && Owner::of(actual, &self.cluster, &spec.object) == Owner::Us
        }) && Self::domains_hold(running);
        // The description is the later of the two.
        let described = running.view().observed.organization.seen();
        let last = described.map(|one| &one.summary).or_else(|| seen.row());
        let active = last.is_some_and(|row| row.state == State::Active);
        let generation = status.observed_generation == Some(spec.generation);
        self.check(
            was || active && generation && (tags_hold || running.view().observes()),
            "Ready is true",
            || format!("{spec:?}: {seen:?}"),
        );
    }

    pub(super) fn watch_events(&mut self, notes: &[ObjectEvent]) {
        for note in notes {
            self.watch_text(&note.message);
        }
    }

    fn watch_text(&mut self, text: &str) {
        let noise = ["6f1c9c5e", "10:11:12", "2026-11-24"];
        self.check(
            !text.is_empty() && !noise.iter().any(|noise| text.contains(noise)),
            "messages are stable",
            || text.to_owned(),
        );
    }
}
