//! Two objects of one cluster that mean one organization: which of them works on it.

use std::cmp::Reverse;

use k8s_openapi::jiff::Timestamp;

use super::{Desired, Memory, ObjectKey, forbidden};
use crate::{
    api::{ManagementPolicy, Reason},
    logic::account::Access,
};

/// One of the objects that mean the same organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Competitor {
    /// Which object.
    pub object: ObjectKey,
    /// What it does.
    pub participation: Participation,
    /// It may create an organization.
    pub may_create: bool,
    /// Its status holds an organization's id and how it came by it.
    pub owns: bool,
    /// Its status holds a pending create.
    pub pending: bool,
    /// When the object was created.
    pub created_at: Timestamp,
}

/// What a competitor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Participation {
    /// It works on the organization, or would.
    Works,
    /// It may not create, and has found nothing: it leaves the place to those that may.
    FoundNone,
    /// It only observes.
    Observes,
    /// Its account does not allow what it asks for, so that it makes no call.
    Refused,
}

impl Competitor {
    /// What an object is among others. `ready` is the reason of its Ready condition.
    #[must_use]
    pub fn of(desired: &Desired, memory: &Memory, ready: Option<&str>, access: &Access) -> Self {
        let owns = memory.organization_id.is_some();
        let pending = memory.pending_create().is_some();
        let participation = match desired.management {
            ManagementPolicy::Observe => Participation::Observes,
            ManagementPolicy::Full
                if !owns
                    && !pending
                    && !desired.adoption.creates()
                    && ready == Some(Reason::NotFound.as_str()) =>
            {
                Participation::FoundNone
            }
            // Whoever has the organization keeps its place, whatever becomes of the rule.
            ManagementPolicy::Full
                if !owns && !pending && forbidden(access, desired, memory).is_some() =>
            {
                Participation::Refused
            }
            ManagementPolicy::Full => Participation::Works,
        };
        Self {
            object: desired.object.clone(),
            participation,
            may_create: desired.adoption.creates(),
            owns,
            pending,
            created_at: desired.created_at,
        }
    }
}

/// The object that works on the organization instead of this one: its owner, else the one with a
/// pending create, else the older, else the one with the lower UID. `all` may hold this one, too.
#[must_use]
pub fn preferred_over<'a>(
    this: &'a Competitor,
    all: impl IntoIterator<Item = &'a Competitor>,
) -> Option<&'a ObjectKey> {
    let competes = |one: &&Competitor| match one.participation {
        Participation::Works => true,
        // Of two that only adopt, the order stays while the first has not yet seen what appeared.
        Participation::FoundNone => !this.may_create,
        Participation::Observes | Participation::Refused => false,
    };
    if this.participation == Participation::Observes {
        return None;
    }
    let first = all.into_iter().filter(competes).min_by_key(|one| {
        (
            Reverse(one.owns),
            Reverse(one.pending),
            one.created_at,
            &one.object.uid,
        )
    })?;
    (first.object != this.object).then_some(&first.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn competitor(name: &str, age: i64, owns: bool, pending: bool) -> Competitor {
        Competitor {
            object: ObjectKey {
                namespace: "mail".into(),
                name: name.into(),
                uid: name.into(),
            },
            participation: Participation::Works,
            may_create: true,
            owns,
            pending,
            created_at: Timestamp::UNIX_EPOCH + k8s_openapi::jiff::SignedDuration::from_secs(-age),
        }
    }

    fn first<'a>(this: &'a Competitor, all: &'a [Competitor]) -> Option<&'a str> {
        preferred_over(this, all).map(|object| &*object.name)
    }

    #[test]
    fn the_owner_comes_first_then_a_pending_create_then_age_then_uid() {
        let owner = competitor("owner", 1, true, false);
        let pending = competitor("pending", 2, false, true);
        let older = competitor("older", 9, false, false);
        let twin = competitor("zz-older", 9, false, false);
        let all = [twin.clone(), older.clone(), pending.clone(), owner.clone()];
        assert_eq!(first(&twin, &all), Some("owner"));
        assert_eq!(first(&twin, &all[..3]), Some("pending"));
        assert_eq!(first(&twin, &all[..2]), Some("older"));
        assert_eq!(first(&twin, &all[..1]), None);
        assert_eq!(first(&owner, &all), None);
    }

    #[test]
    fn who_only_looks_neither_wins_nor_loses() {
        let mut looks = competitor("looks", 9, true, false);
        looks.participation = Participation::Observes;
        let works = competitor("works", 1, false, false);
        let all = [looks.clone(), works.clone()];
        assert_eq!(first(&works, &all), None);
        assert_eq!(first(&looks, &all), None);
    }

    #[test]
    fn who_may_not_create_and_found_nothing_leaves_the_place_to_those_who_may() {
        let mut waits = competitor("waits", 9, false, false);
        waits.participation = Participation::FoundNone;
        waits.may_create = false;
        let works = competitor("works", 1, false, false);
        let mut waits_too = competitor("waits-too", 1, false, false);
        waits_too.participation = Participation::FoundNone;
        waits_too.may_create = false;
        let all = [waits.clone(), works.clone(), waits_too.clone()];
        assert_eq!(first(&works, &all), None);
        assert_eq!(
            first(&waits_too, &all),
            Some("waits"),
            "among themselves, age decides"
        );
        waits_too.participation = Participation::Works;
        assert_eq!(
            first(&waits_too, &all),
            Some("waits"),
            "one that was refused a conflict still waits for the older"
        );
    }
}
