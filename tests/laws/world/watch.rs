//! What must hold at every step, whatever happened before. Each law is named; a test asks for one.

use workmail_operator::{
    api::{AdoptionPolicy, ConditionStatus, ConditionType, PendingOperation, Reason},
    logic::{
        AccountId, Owner,
        organization::{
            Action, Call, DeleteInput, OrganizationState as State, Outcome, Presence, Read,
            Release, Retained, Schema, Scope, Summary, View, decide,
        },
    },
};

use super::{
    World,
    driver::{Evidence, Running},
    server::Object,
};

impl Evidence {
    pub(super) fn row(&self) -> Option<&Summary> {
        let listing = self.listing.as_ref()?;
        // A create that was repeated: the list shows its organization by the alias.
        match listing.by_id.as_ref().unwrap_or(&listing.by_alias) {
            Presence::Present(row) => Some(row),
            Presence::Absent { .. } => None,
        }
    }

    pub(super) fn confirmed_absent(&self) -> bool {
        self.listing
            .as_ref()
            .is_some_and(|listing| listing.by_id == Some(Presence::Absent { confirmed: true }))
    }
}

impl World {
    pub(crate) fn broken(&mut self, law: &'static str, how: String) {
        self.breaches.push((law, how));
    }

    pub(super) fn check(&mut self, holds: bool, law: &'static str, how: impl FnOnce() -> String) {
        if !holds {
            self.broken(law, how());
        }
    }

    pub(super) fn watch_action(&mut self, running: &Running, action: &Action) {
        let seen = &running.seen;
        match action {
            Action::Finish(Outcome::Failed(failure))
                if failure.reason == Reason::OrganizationGone =>
            {
                let row_says = seen.row().map(|row| row.state.clone());
                let described = running.view().observed.organization.seen();
                let says = described.map(|one| one.summary.state.clone()).or(row_says);
                let absent = seen.confirmed_absent() && !running.view().facts.young;
                self.check(
                    absent || matches!(says, Some(State::Deleting | State::Deleted)),
                    "nothing is concluded from one absence",
                    || format!("gone: {seen:?}"),
                );
            }
            Action::Finish(Outcome::Failed(failure))
                if failure.reason == Reason::NotFound && seen.row().is_none() =>
            {
                self.watch_freshness(seen, "not found");
            }
            Action::Intend(PendingOperation::CreateOrganization)
                if running.view().desired.adoption == AdoptionPolicy::AdoptOrCreate
                    && seen.row().is_none() =>
            {
                self.watch_freshness(seen, "creates what it was to adopt");
            }
            Action::Read(Read::Domains { details, .. }) => {
                self.check(details.len() <= 8, "one step reads few domains", || {
                    format!("{details:?}")
                });
            }
            Action::Claim(id, _) => self.watch_claim(running, id),
            Action::Intend(PendingOperation::DeleteOrganization) => self.check(
                running.view().memory.deletion_accepted.is_none()
                    || seen
                        .listing
                        .as_ref()
                        .is_some_and(|seen| seen.deletion_failed),
                "an accepted deletion is asked for again only once it came to nothing",
                || format!("{seen:?}"),
            ),
            Action::Finish(Outcome::Active) => self.check(
                seen.row().is_some_and(|row| row.state == State::Active),
                "Ready is true",
                || format!("active: {seen:?}"),
            ),
            _ => {}
        }
    }

    /// What would be done first if an older definition hid fields of the object.
    pub(super) fn watch_outdated(&mut self, view: &View) {
        let mut view = view.clone();
        for schema in [
            Schema::Lacks(["spec.managementPolicy".to_owned()].into()),
            Schema::Lacks(["spec.deletionPolicy".to_owned()].into()),
            Schema::Unread,
        ] {
            let policy_is_shown = format!("{schema:?}").contains("managementPolicy");
            view.facts.schema = schema;
            let action = decide(&view);
            let is_harmless = match &action {
                Action::Finish(_) | Action::Read(Read::Scope) => true,
                Action::RemoveFinalizer(Release::Retained(why)) => {
                    view.desired.deleting && (*why != Retained::Policy || policy_is_shown)
                }
                _ => false,
            };
            self.check(
                is_harmless,
                "nothing is done while a definition hides fields",
                || format!("{action:?}"),
            );
        }
    }

    fn watch_freshness(&mut self, seen: &Evidence, what: &str) {
        let listing = seen.listing.as_ref();
        self.check(
            listing.is_some_and(|listing| listing.fresh),
            "what is to be adopted is missed in a listing from after the object",
            || format!("{what}: {listing:?}"),
        );
    }

    /// AWS is about to be asked for anything.
    pub(super) fn watch_request(&mut self, running: &Running) {
        self.requests += 1;
        let suspended = running.view().desired.suspend;
        self.check(
            !suspended,
            "a suspended object asks AWS for nothing",
            || format!("{:?}", running.view().desired),
        );
    }

    /// A call is about to be made.
    pub(super) fn watch_call(&mut self, running: &Running, call: &Call) {
        let seen = &running.seen;
        let Some(object) = &seen.current else {
            return self.broken("a call is made from the latest view", format!("{call:?}"));
        };
        let account = object.status.memory.account.as_ref().map(AccountId::as_str);
        let quiet = object.spec.suspend
            || running.view().facts.ended
            || account != running.account
            || object.uid != running.uid;
        self.check(!quiet, "nothing changes in AWS while it must not", || {
            format!("{call:?} for {object:?}")
        });
        self.watch_observes(Some(object), &format!("{call:?}"));
        let ours = self.owner(running);
        self.check(
            running.view().competitor.is_none() || ours == Some(Owner::Us),
            "nothing changes in AWS while another object works on it",
            || format!("{call:?} beside {:?}", running.view().competitor),
        );
        match call {
            Call::Create { .. } => self.watch_create(running, object, call),
            Call::Delete(input) => {
                self.watch_delete(running, object, input, ours.as_ref());
                self.watch_proof(running, &input.id, "deletes");
                self.watch_mail(running, object, input);
            }
            Call::Tag { id, tags } => {
                let before = seen.tags.clone().filter(|(of, _)| of == id.as_str());
                let recorded = &object.status.memory.managed_tag_keys;
                let managed = before.as_ref().is_some_and(|(_, before)| {
                    tags.keys()
                        .filter(|key| !key.starts_with("workmail-operator.dev/"))
                        .all(|key| before.contains_key(key) || recorded.contains(key))
                });
                self.check(managed, "what is managed is recorded first", || {
                    format!("{call:?} with {recorded:?}")
                });
                self.watch_owner(running, id, call);
            }
            Call::Register { id, domain } => {
                self.watch_register(running, object, domain);
                self.watch_owner(running, id, call);
            }
            Call::SetDefault { id, domain } => {
                self.watch_default(running, object, domain);
                self.watch_owner(running, id, call);
            }
            Call::Deregister { id, domain } => {
                self.watch_deregister(running, object, id, domain);
                self.watch_owner(running, id, call);
            }
            Call::Untag { id, keys } => {
                let recorded = &object.status.memory.managed_tag_keys;
                self.check(
                    keys.is_subset(recorded),
                    "what is managed is recorded first",
                    || format!("{call:?} with {recorded:?}"),
                );
                self.watch_owner(running, id, call);
            }
        }
    }

    fn watch_create(&mut self, running: &Running, object: &Object, call: &Call) {
        let Call::Create {
            alias,
            input,
            token,
        } = call
        else {
            return;
        };
        let recorded = object.status.memory.pending.as_ref();
        let same = recorded.is_some_and(|pending| {
            pending.operation == PendingOperation::CreateOrganization
                && pending.target == *alias
                && pending.input.as_ref() == Some(input)
        });
        self.check(same, "a create is recorded with exactly its input", || {
            format!("{call:?}, recorded {recorded:?}")
        });
        self.check(
            *token == object.uid,
            "a repeat uses the recorded input and the same token",
            || format!("{token} for {}", object.uid),
        );
        self.check(
            object.spec.adoption_policy.creates(),
            "policy Adopt never creates",
            || format!("{call:?} for {object:?}"),
        );
        let listing = running.seen.listing.as_ref();
        let is_first = recorded != running.began.pending.as_ref();
        let free = listing.is_some_and(|listing| match &listing.by_alias {
            Presence::Absent { .. } => true,
            // It may be ours: then it is nobody else's by its tags.
            Presence::Present(_) => {
                !is_first || running.seen.tags_hidden || self.owner(running) == Some(Owner::Nobody)
            }
        });
        self.check(
            free,
            "a create follows a listing without somebody else's alias",
            || format!("{listing:?}"),
        );
    }

    fn watch_delete(
        &mut self,
        running: &Running,
        object: &Object,
        input: &DeleteInput,
        owner: Option<&Owner>,
    ) {
        let seen = &running.seen;
        let deletion = object.spec.deletion.clone().unwrap_or_default();
        let id = input.id.as_str();
        let asked = object.leaves()
            && deletion.confirm_alias.as_deref() == Some("acme")
            && deletion
                .confirm_organization_id
                .as_deref()
                .is_none_or(|confirmed| confirmed == id)
            && (!input.force || deletion.confirm_organization_id.is_some())
            && input.force == deletion.force_delete
            && input.delete_directory == deletion.delete_directory
            && object
                .status
                .memory
                .organization_id
                .as_ref()
                .is_some_and(|known| known.as_str() == id);
        self.check(asked, "nothing is deleted that was not asked for", || {
            format!("{input:?} for {object:?}")
        });
        let proven = seen.scope == Some(Scope::Stays)
            && seen.described.as_deref() == Some(id)
            && match owner {
                Some(Owner::Us) => true,
                Some(Owner::Nobody) => object.status.memory.origin.is_some(),
                Some(Owner::Other(_)) => false,
                None => seen.tags_hidden && object.status.memory.origin.is_some(),
            };
        self.check(proven, "nothing is deleted without proof", || {
            format!("{input:?}: {seen:?}, owner {owner:?}")
        });
        if owner.is_none() {
            self.watch_hidden(running, &input.id);
        }
        let ready = object.status.condition(ConditionType::Ready);
        self.check(
            ready.is_some_and(|ready| ready.status == ConditionStatus::False),
            "Ready is False once a deletion begins",
            || format!("{ready:?}"),
        );
        let Some(pending) = object.status.memory.pending_delete().cloned() else {
            return self.broken("a deletion is recorded first", format!("{input:?}"));
        };
        let key = (object.uid.clone(), pending.since);
        let same = self.delete_tokens.entry(key).or_insert(input.token.clone()) == &input.token;
        self.check(same, "a repeated deletion is the same call", || {
            input.token.clone()
        });
    }

    /// A call did its work in AWS, or was refused.
    pub(super) fn watch_effect(&mut self, running: &mut Running, call: &Call, done: bool) {
        if !done {
            return;
        }
        self.effects += 1;
        running.seen.note_domains(call);
        match (call, &mut running.seen.tags) {
            (Call::Tag { tags, .. }, Some((_, seen))) => seen.extend(tags.clone()),
            (Call::Untag { keys, .. }, Some((_, seen))) => {
                seen.retain(|key, _| !keys.contains(key));
            }
            _ => {}
        }
        let Call::Create { token, .. } = call else {
            return;
        };
        let made = self.aws.made.get(token).copied().unwrap_or_default();
        let alive = self
            .aws
            .orgs
            .values()
            .filter(|org| org.token.as_ref() == Some(token) && org.lives())
            .count();
        let wiped = self.server.get(token).is_some_and(|object| object.wiped);
        // One that somebody deleted before its id was known leaves no trace.
        let was_known = self
            .server
            .versions
            .iter()
            .filter(|version| version.uid == *token)
            .any(|version| version.status.memory.organization_id.is_some());
        self.check(
            alive <= 1 && (made <= 1 || wiped || !was_known),
            "an object has at most one organization",
            || format!("{made} made with {token}, {alive} alive"),
        );
    }
}
