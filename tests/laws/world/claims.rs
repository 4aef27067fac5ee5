//! What must hold of every organization that becomes an object's: who had it, who asked for it, and
//! that the tags were read once more.

use workmail_operator::{
    api::{ManagementPolicy, Origin},
    logic::{
        OrganizationId, Owner,
        organization::{Call, OrganizationState as State, Recorded, Tags},
    },
};

use super::{
    PROOF, World,
    driver::{Evidence, Running},
    server::Object,
};

impl Evidence {
    pub(super) fn see_tags(&mut self, id: &str, tags: &Tags) {
        match tags {
            Tags::Shown(all) => self.tags = Some((id.to_owned(), all.clone())),
            Tags::Hidden => self.tags_hidden = true,
        }
        self.owner_lives = None;
    }
}

impl World {
    /// The owner by the tags that this reconcile has read. Tags of an object of this cluster that
    /// was seen to be gone name nobody.
    pub(super) fn owner(&self, running: &Running) -> Option<Owner> {
        let (_, tags) = running.seen.tags.as_ref()?;
        let owner = Owner::of(tags, &self.cluster, &running.view().desired.object);
        let is_void = match &owner {
            Owner::Other(name) => {
                name.within(&self.cluster).is_some() && running.seen.owner_lives == Some(false)
            }
            Owner::Us | Owner::Nobody => false,
        };
        Some(if is_void { Owner::Nobody } else { owner })
    }

    /// A reconcile that read tags has written its status: from now on it is known whom they named.
    pub(super) fn note_owner(&mut self, running: &Running) {
        if let Some((id, tags)) = &running.seen.tags {
            let owner = Owner::of(tags, &self.cluster, &running.view().desired.object);
            let key = (running.uid.clone(), id.clone());
            self.last_seen.insert(key, owner);
        }
    }

    /// An organization whose tags AWS does not show is about to be deleted. It must never have been
    /// Active, so that nobody can have tagged it, or its tags must have named this object when they were
    /// last read; and it must not be Active now, because then its tags can be read.
    pub(super) fn watch_hidden(&mut self, running: &Running, id: &OrganizationId) {
        let key = (running.uid.clone(), id.to_string());
        let last = self.last_seen.get(&key).cloned();
        let described = running.view().observed.organization.seen();
        let is_active = described.is_none_or(|one| one.summary.state == State::Active);
        let org = self.aws.orgs.get(id.as_str());
        let was_active = org.is_none_or(|org| org.completed.is_some());
        let made = running.view().memory.origin == Some(Origin::Created);
        let holds = !is_active
            && match &last {
                Some(Owner::Us) => true,
                Some(Owner::Nobody | Owner::Other(_)) => false,
                None => made && !was_active,
            };
        self.check(holds, "hidden tags prove nothing", || {
            format!("deletes {id}, last seen {last:?}, was Active: {was_active}, {described:?}")
        });
    }

    /// Something of an organization is about to be changed.
    pub(super) fn watch_owner(&mut self, running: &Running, id: &OrganizationId, call: &Call) {
        let owner = self.owner(running);
        let looked = running
            .seen
            .tags
            .as_ref()
            .is_some_and(|(of, _)| of == id.as_str());
        let current = running.seen.current.as_ref();
        let named = current.and_then(|object| object.take_over);
        let is_tag = matches!(call, Call::Tag { .. });
        let may = match &owner {
            Some(Owner::Us) => looked,
            Some(Owner::Nobody) => looked && matches!(call, Call::Tag { .. } | Call::Untag { .. }),
            Some(Owner::Other(other)) => {
                looked && is_tag && named == Some(other.to_string().as_str())
            }
            None => false,
        };
        self.check(
            looked || !is_tag,
            "no tag is written over an owner that was not read",
            || format!("{call:?}, seen {:?}", running.seen),
        );
        self.check(may, "another owner's organization is left alone", || {
            format!("{call:?}, owner {owner:?}")
        });
        if let Some(object) = current
            && is_tag
        {
            let has_it = object.status.memory.organization_id.as_ref() == Some(id);
            let asked = match &owner {
                Some(Owner::Us) => true,
                // Whom take-over names was looked at above.
                Some(Owner::Other(_)) => named.is_some(),
                Some(Owner::Nobody) | None => {
                    has_it || named.is_some() || object.spec.adoption_policy.adopts()
                }
            };
            self.check(asked, "what exists is taken only if asked for", || {
                format!("{call:?} for {object:?}")
            });
        }
        if !self.is_claim(running, call) {
            self.watch_proof(running, id, &format!("{call:?}"));
        }
    }

    /// Whether this call makes an organization the object's that was seen to be nobody's or somebody
    /// else's.
    pub(super) fn is_claim(&self, running: &Running, call: &Call) -> bool {
        let (Call::Tag { id, tags }, Some((of, seen))) = (call, &running.seen.tags) else {
            return false;
        };
        let object = &running.view().desired.object;
        let mut after = seen.clone();
        after.extend(tags.clone());
        let had_it = running.view().memory.organization_id.as_ref() == Some(id);
        of == id.as_str()
            && Owner::of(&after, &self.cluster, object) == Owner::Us
            && match Owner::of(seen, &self.cluster, object) {
                Owner::Us => false,
                Owner::Nobody => !had_it,
                Owner::Other(_) => true,
            }
    }

    /// A claim was made in AWS, whatever is heard of it.
    pub(super) fn note_claim(&mut self, running: &Running, call: &Call) {
        if let Call::Tag { id, .. } = call {
            let key = (running.uid.clone(), id.to_string());
            self.claims.insert(key, self.now);
        }
    }

    /// The tags were read: after its time, a claim has stood its test or not, as they say.
    pub(super) fn note_tags(&mut self, running: &Running, id: &OrganizationId) {
        let key = (running.uid.clone(), id.to_string());
        let now = self.now;
        self.claims
            .retain(|of, made| *of != key || now.duration_since(*made) < PROOF);
    }

    pub(super) fn watch_proof(&mut self, running: &Running, id: &OrganizationId, what: &str) {
        let key = (running.uid.clone(), id.to_string());
        let made = self.claims.get(&key).copied();
        let now = self.now;
        self.check(
            made.is_none(),
            "a claim is read again before anything else",
            || format!("{what} at {now}, claimed at {made:?}"),
        );
    }

    /// An organization is about to be remembered as the object's.
    pub(super) fn watch_claim(&mut self, running: &Running, id: &OrganizationId) {
        let seen = &running.seen;
        let owner = self.owner(running);
        let pending = running.view().memory.pending_create();
        let described = running.view().observed.organization.seen();
        // No older than the create that may have made it.
        let may_be = pending.zip(described).is_some_and(|(pending, one)| {
            one.completed_date.is_none_or(|date| date >= pending.since)
        });
        let is_free = match &owner {
            Some(Owner::Nobody) => true,
            // Only one that was never Active cannot have tags that AWS does not show.
            None => seen.tags_hidden && described.is_some_and(|one| one.completed_date.is_none()),
            Some(Owner::Us | Owner::Other(_)) => false,
        };
        self.check(
            seen.current.is_some(),
            "a call is made from the latest view",
            || format!("claims {id}"),
        );
        self.check(
            owner == Some(Owner::Us) || is_free && may_be && seen.described.is_some(),
            "only what is ours is claimed",
            || format!("{id}: {seen:?}"),
        );
        self.watch_observes(seen.current.as_ref(), &format!("claims {id}"));
        self.watch_proof(running, id, &format!("claims {id}"));
    }

    /// Under Observe nothing changes in AWS, and nothing becomes the object's.
    pub(super) fn watch_observes(&mut self, object: Option<&Object>, what: &str) {
        let observes =
            object.is_some_and(|object| object.spec.management_policy == ManagementPolicy::Observe);
        self.check(!observes, "nothing changes in AWS under Observe", || {
            what.to_owned()
        });
    }

    /// A status was written: what became the object's by it?
    pub(super) fn watch_origin(&mut self, running: &Running, before: &Object, status: &Recorded) {
        let memory = &status.memory;
        self.check(
            memory.organization_id.is_some() == memory.origin.is_some(),
            "only what is ours is claimed",
            || format!("{memory:?}"),
        );
        let Some(id) = memory.organization_id.clone() else {
            return;
        };
        if before.status.memory.organization_id.as_ref() == Some(&id) {
            return;
        }
        let observes = running.view().observes();
        self.check(!observes, "nothing changes in AWS under Observe", || {
            format!("{memory:?}")
        });
        self.watch_proof(running, &id, "origin");
    }
}
