//! The world in small: time, AWS, the API server, a process, and whoever else has a hand in it.

pub(crate) mod aws;
pub(crate) mod driver;
pub(crate) mod server;
pub(crate) mod story;
mod watch;

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::{
    api::DeletionPolicy,
    core::{
        Claimant, ClusterIdentity, ObjectKey, OrganizationState as State, Outcome, Trouble, winner,
    },
};

use aws::{Aws, Knobs};
use driver::{Process, Reconcile};
use server::{Object, Server};

/// What goes wrong with one step.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// The process is killed before the step.
    CrashBefore,
    /// The process is killed after the step's effect and before its answer is used.
    CrashAfter,
    /// AWS does nothing, and this is what is heard of it.
    Aws(Trouble),
    /// AWS does the work, and its answer is lost.
    Lost,
    /// The API server does nothing, and the reconcile ends.
    Api,
    /// The API server does the work, its answer is lost, and the reconcile ends.
    ApiLost,
    /// A reconcile that begins here begins with an object this many versions old.
    StaleView(u8),
}

impl Fault {
    fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Aws(trouble) => Some(trouble.clone()),
            _ => None,
        }
    }
}

/// Something that happens between two steps.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Step(usize, Fault),
    Retain(usize),
    Delete(usize),
    Suspend(usize, bool),
    Tags(usize, &'static [(&'static str, &'static str)]),
    Input(usize, bool),
    ConfirmId(usize, Confirm),
    DeleteObject(usize),
    Recreate(usize),
    WipeStatus(usize),
    Request(usize, u8),
    NamespaceLeaves,
    DefinitionLeaves,
    Pass(i64),
    Advance,
    Observe,
    WholeLook(usize),
    Fail,
    Become(State),
    DeleteInAws,
    TagInAws(&'static str, &'static str),
    UntagInAws(bool),
    EnableUsers(bool),
    SwitchAccount(bool),
    ForgetTokens,
    MakeInAws(bool),
    Quota(bool),
    End,
}

/// What the user confirms of the organization's id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Confirm {
    Nothing,
    TheId,
    AnotherId,
    Force(bool),
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) aws: Aws,
    pub(crate) server: Server,
    pub(crate) process: Process,
    pub(crate) running: [Option<Reconcile>; 2],
    pub(crate) rested: [Option<Outcome>; 2],
    pub(crate) account: &'static str,
    pub(crate) aws_is_down: bool,
    pub(crate) ended: bool,
    pub(crate) cluster: ClusterIdentity,
    /// Writes of ours that made a new version of an object.
    pub(crate) writes: u32,
    /// Effects of ours in AWS.
    pub(crate) effects: u32,
    /// Everything that AWS was asked for.
    pub(crate) requests: u32,
    /// Laws that were broken, and how.
    pub(crate) breaches: Vec<(&'static str, String)>,
    /// Token of each intent of a deletion.
    delete_tokens: BTreeMap<(String, Timestamp), String>,
    /// A driver that writes the outcome whatever became of the object. Ours does not.
    pub(crate) rests_unchecked: bool,
}

pub(crate) const OURS: &str = "111111111111";
const OTHERS: &str = "222222222222";

impl World {
    pub(crate) fn new(knobs: Knobs, policy: DeletionPolicy) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut server = Server::default();
        server.create(0, policy, now);
        Self {
            now,
            aws: Aws::new(knobs),
            server,
            process: Process::default(),
            running: [None, None],
            rested: [None, None],
            account: OURS,
            aws_is_down: false,
            ended: false,
            cluster: ClusterIdentity {
                name: Some("prod".into()),
                uid: "11111111-2222-3333-4444-555555555555".into(),
            },
            writes: 0,
            effects: 0,
            requests: 0,
            breaches: Vec::new(),
            delete_tokens: BTreeMap::new(),
            rests_unchecked: false,
        }
    }

    pub(crate) fn object(&self, slot: usize) -> Option<&Object> {
        self.server.objects.get(slot)?.as_ref()
    }

    pub(crate) fn slots(&self) -> usize {
        self.server.objects.len()
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// The other object, if it comes first.
    pub(crate) fn rival(&self, object: &Object) -> Option<ObjectKey> {
        let claimants: Vec<Claimant> = self
            .server
            .objects
            .iter()
            .flatten()
            .map(|one| Claimant {
                object: one.desired().object,
                owns: one.status.memory.organization_id.is_some()
                    && one.status.memory.origin.is_some(),
                pending: one.status.memory.pending_create().is_some(),
                created_at: one.created,
            })
            .collect();
        winner(&claimants)
            .map(|first| first.object.clone())
            .filter(|first| first.uid != object.uid)
    }

    /// One reconcile of an object from its beginning to its end, without faults.
    pub(crate) fn reconcile(&mut self, slot: usize) {
        if self.object(slot).is_none() {
            return;
        }
        self.running[slot] = None;
        self.rested[slot] = None;
        self.step(slot, &Fault::None);
        while self.running[slot].is_some() {
            self.step(slot, &Fault::None);
        }
    }

    /// Faults and edits stop, and whoever has to mend something in AWS has done it.
    pub(crate) fn heal(&mut self) {
        self.aws_is_down = false;
        self.aws.quota_exhausted = false;
        for org in self.aws.orgs.values_mut() {
            if matches!(
                org.state,
                State::Impaired | State::Inactive | State::Other(_)
            ) {
                org.state = State::Active;
            }
        }
        self.running = [None, None];
    }

    /// Time passes, and every object is reconciled once.
    pub(crate) fn round(&mut self, seconds: i64) {
        self.pass(seconds);
        self.aws.advance(self.now);
        for slot in 0..self.slots() {
            let frozen = self
                .object(slot)
                .and_then(|object| object.status.memory.account.as_ref());
            let others = frozen.is_some_and(|account| account.as_str() == OTHERS);
            self.account = if others { OTHERS } else { OURS };
            self.observe(self.account);
            self.reconcile(slot);
        }
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Step(slot, fault) => {
                // Our own work takes a little time.
                self.now += SignedDuration::from_millis(300);
                if *slot < self.slots() {
                    self.step(*slot, fault);
                }
            }
            Event::Pass(seconds) => self.pass(*seconds),
            Event::Advance => self.aws.advance(self.now),
            Event::Observe => self.observe(self.account),
            Event::End => self.ended = true,
            Event::NamespaceLeaves => {
                self.server.namespace_leaves = true;
                (0..self.slots()).for_each(|slot| self.server.delete(slot));
            }
            Event::DefinitionLeaves => {
                self.server.definition_leaves = true;
                (0..self.slots()).for_each(|slot| self.server.delete(slot));
            }
            event => {
                self.edit(event);
                self.meddle(event);
            }
        }
    }

    /// What a user does to an object.
    fn edit(&mut self, event: &Event) {
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
                object.status = server::Stored::default();
                object.wiped = true;
            }),
            Event::Request(slot, value) => self.server.alter(*slot, |object| {
                object.requested = Some(value.to_string());
            }),
            Event::WholeLook(slot) => {
                if let Some(uid) = self.object(*slot).map(|object| object.uid.clone()) {
                    self.known(&uid).whole_look_due = true;
                }
            }
            _ => {}
        }
    }

    /// What somebody else does in AWS.
    fn meddle(&mut self, event: &Event) {
        let now = self.now;
        let orgs = self.aws.orgs.values_mut();
        match event {
            Event::Fail => orgs
                .filter(|org| matches!(org.state, State::Requested | State::Creating))
                .for_each(|org| org.state = State::Failed),
            Event::Become(state) => orgs
                .filter(|org| org.lives() && !org.state.in_transition())
                .for_each(|org| org.state = state.clone()),
            Event::DeleteInAws => orgs
                .filter(|org| org.lives())
                .for_each(|org| org.state = State::Deleting),
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
