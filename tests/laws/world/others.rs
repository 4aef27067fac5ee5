//! What others do: the user to an object, somebody else to AWS.

use workmail_operator::{
    api::{DeletionPolicy, DomainSpec, ManagementPolicy},
    logic::{
        Moment,
        organization::{OrganizationState as State, Recorded},
    },
};

use super::{Confirm, Event, OTHERS, OURS, World, server::Object};

impl World {
    /// What a user does to an object.
    pub(super) fn edit(&mut self, event: &Event) {
        let id = |world: &Self, slot| {
            let object: &Object = world.object(slot)?;
            object.status.memory.organization_id.clone()
        };
        match event {
            Event::Retain(slot) => self.server.edit(*slot, |spec| {
                spec.deletion_policy = DeletionPolicy::Retain;
            }),
            Event::Delete(slot) => self.server.edit(*slot, |spec| {
                spec.deletion_policy = DeletionPolicy::Delete;
            }),
            Event::Suspend(slot, on) => self.server.edit(*slot, |spec| spec.suspend = *on),
            Event::Adopt(slot, policy) => {
                self.server
                    .edit(*slot, |spec| spec.adoption_policy = *policy);
            }
            Event::Observes(slot, on) => self.server.edit(*slot, |spec| {
                spec.management_policy = if *on {
                    ManagementPolicy::Observe
                } else {
                    ManagementPolicy::Full
                };
            }),
            Event::TakeOver(slot, owner) => {
                self.server.alter(*slot, |object| object.take_over = *owner);
            }
            Event::Domains(slot, names, default) => self.server.edit(*slot, |spec| {
                spec.domains = names.iter().map(|name| domain(name)).collect();
                spec.default_domain = default.map(str::to_owned);
            }),
            Event::Tags(slot, tags) => self.server.edit(*slot, |spec| {
                spec.tags = tags
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect();
            }),
            Event::Input(slot, on) => self.server.edit(*slot, |spec| {
                spec.kms_key_arn = on.then(|| "arn:aws:kms:us-east-1:1:key/k".to_owned());
            }),
            Event::ConfirmId(slot, confirm) => {
                let known = id(self, *slot);
                self.server.edit(*slot, |spec| {
                    let deletion = spec.deletion.get_or_insert_default();
                    match confirm {
                        Confirm::Nothing => deletion.confirm_organization_id = None,
                        Confirm::TheId => {
                            deletion.confirm_organization_id = known.map(|id| id.to_string());
                        }
                        Confirm::AnotherId => {
                            deletion.confirm_organization_id = Some(format!("m-{:032x}", 0xbad));
                        }
                        Confirm::Force(on) => deletion.force_delete = *on,
                    }
                });
            }
            Event::DeleteObject(slot) => self.server.delete(*slot),
            Event::Recreate(slot) => {
                let policy = self.object(*slot).map(|object| object.spec.deletion_policy);
                let may = !self.server.namespace_leaves && !self.server.definition_leaves;
                if may && *slot < self.slots() {
                    self.server
                        .create(*slot, policy.unwrap_or_default(), self.now);
                    self.running[*slot] = None;
                }
            }
            Event::WipeStatus(slot) => self.server.alter(*slot, |object| {
                object.status = Recorded::default();
                object.wiped = true;
            }),
            Event::Request(slot, value) => self.server.alter(*slot, |object| {
                object.requested = Some(value.to_string());
            }),
            Event::WholeLook(slot) => {
                if let Some(uid) = self.object(*slot).map(|object| object.uid.clone()) {
                    self.known(&uid).memory.last_full_read = Some(Moment::default());
                }
            }
            _ => {}
        }
    }

    /// What somebody else does in AWS.
    pub(super) fn meddle(&mut self, event: &Event) {
        let now = self.now;
        let orgs = self.aws.orgs.values_mut();
        match event {
            Event::Fail => orgs
                .filter(|org| matches!(org.state, State::Requested | State::Creating))
                .for_each(|org| org.state = State::Failed),
            Event::Become(state) => orgs
                .filter(|org| org.lives() && !org.state.in_transition())
                .for_each(|org| org.become_one(state.clone(), now)),
            Event::DeleteInAws => orgs
                .filter(|org| org.lives())
                .for_each(|org| org.state = State::Deleting),
            Event::UndoDeletion(state) => orgs
                .filter(|org| org.state == State::Deleting)
                .for_each(|org| org.state = state.clone()),
            Event::TagInAws(key, value) => {
                orgs.filter(|org| org.state == State::Active)
                    .for_each(|org| {
                        org.tags.insert((*key).to_owned(), (*value).to_owned());
                    });
            }
            Event::UntagInAws(all) => orgs.for_each(|org| {
                org.tags
                    .retain(|key, _| !all && !key.starts_with("workmail-operator.dev/"));
            }),
            Event::EnableUsers(on) => orgs.for_each(|org| org.enabled_users = *on),
            Event::SwitchAccount(ours) => self.account = if *ours { OURS } else { OTHERS },
            Event::ForgetTokens => self.aws.tokens.clear(),
            Event::MakeInAws(_) if self.aws.alias_is_taken("acme") => {}
            Event::MakeInAws(true) => {
                self.aws.make(OURS, "acme", now);
            }
            Event::MakeInAws(false) => {
                self.aws.taken.insert("acme".into());
            }
            Event::Quota(on) => self.aws.quota_exhausted = *on,
            _ => {}
        }
    }
}

fn domain(name: &str) -> DomainSpec {
    DomainSpec {
        domain_name: name.to_owned(),
        hosted_zone_id: None,
    }
}
