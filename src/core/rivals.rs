//! Two objects of one cluster that mean one organization: which of them works on it.

use std::cmp::Reverse;

use k8s_openapi::jiff::Timestamp;

use super::ObjectKey;

/// One of the objects that mean the same organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claimant {
    /// Which object.
    pub object: ObjectKey,
    /// Its status holds an organization's id and how it came by it.
    pub owns: bool,
    /// Its status holds a pending create.
    pub pending: bool,
    /// When the object was created.
    pub created_at: Timestamp,
}

/// The one that works on the organization: its owner, else the one with a pending create, else the
/// older, else the one with the lower UID. `None` for no claimants.
#[must_use]
pub fn winner<'a>(claimants: impl IntoIterator<Item = &'a Claimant>) -> Option<&'a Claimant> {
    claimants.into_iter().min_by_key(|one| {
        (
            Reverse(one.owns),
            Reverse(one.pending),
            one.created_at,
            &one.object.uid,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant(name: &str, age: i64, owns: bool, pending: bool) -> Claimant {
        Claimant {
            object: ObjectKey {
                namespace: "mail".into(),
                name: name.into(),
                uid: name.into(),
            },
            owns,
            pending,
            created_at: Timestamp::UNIX_EPOCH + k8s_openapi::jiff::SignedDuration::from_secs(-age),
        }
    }

    #[test]
    fn the_owner_comes_first_then_a_pending_create_then_age_then_uid() {
        let owner = claimant("owner", 1, true, false);
        let pending = claimant("pending", 2, false, true);
        let older = claimant("older", 9, false, false);
        let twin = claimant("zz-older", 9, false, false);
        let all = [twin.clone(), older.clone(), pending.clone(), owner.clone()];
        assert_eq!(winner(&all), Some(&owner));
        assert_eq!(winner(&all[..3]), Some(&pending));
        assert_eq!(winner(&all[..2]), Some(&older));
        assert_eq!(winner([&twin]), Some(&twin));
        assert_eq!(winner([]), None);
    }
}
