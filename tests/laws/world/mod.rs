//! The world in small: time, AWS, the API server, a process, and whoever else has a hand in it.

pub(crate) mod aws;
mod claims;
pub(crate) mod domains;
pub(crate) mod driver;
pub(crate) mod mail;
mod others;
mod requests;
pub(crate) mod server;
pub(crate) mod story;
mod watch;
mod watch_domains;
mod writes;

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::{
    api::{AdoptionPolicy, ConditionType, DeletionPolicy},
    logic::{
        ClusterIdentity, ErrorKind, ObjectKey, Owner,
        account::{Access, Accounts, Applicant, Known},
        organization::{
            Call, Competitor, OrganizationState as State, Outcome, Verification, preferred_over,
        },
    },
};

use aws::{Aws, Knobs};
use driver::{Process, Running};
use server::{Object, Server};

/// By the contract: an organization is young, a pending create is searched for, and failed reads of a
/// Ready object are not reported for this long.
pub(crate) const FIFTEEN_MINUTES: SignedDuration = SignedDuration::from_mins(15);
/// By the contract: a claim is read again this much later.
pub(crate) const PROOF: SignedDuration = SignedDuration::from_secs(5);

/// What goes wrong with one step.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// The process is killed before the step.
    CrashBefore,
    /// The process is killed after the step's effect and before its answer is used.
    CrashAfter,
    /// AWS does nothing, and this is what is heard of it.
    Aws(ErrorKind),
    /// AWS does the work, and its answer is lost.
    Lost,
    /// The API server does nothing, and the reconcile ends.
    Api,
    /// The API server does the work, its answer is lost, and the reconcile ends.
    ApiLost,
    /// The reconcile ends before the step, and the next one goes on with what it has read.
    Pause,
    /// A reconcile that begins here begins with an object this many versions old.
    StaleView(u8),
}

impl Fault {
    fn trouble(&self) -> Option<ErrorKind> {
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
    Adopt(usize, AdoptionPolicy),
    Observes(usize, bool),
    TakeOver(usize, Option<&'static str>),
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
    /// A deletion under way comes to nothing: the organization is in this state again.
    UndoDeletion(State),
    TagInAws(&'static str, &'static str),
    UntagInAws(bool),
    EnableUsers(bool),
    SwitchAccount(bool),
    ForgetTokens,
    MakeInAws(bool),
    Domains(usize, &'static [&'static str], Option<&'static str>),
    RegisterInAws(&'static str),
    DeregisterInAws(&'static str),
    DefaultInAws(&'static str),
    Verify(Verification),
    TakeDomain(&'static str, bool),
    Addresses(bool),
    MostDomains(Option<usize>),
    DnsWaits(bool),
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
    pub(crate) running: [Option<Running>; 2],
    pub(crate) rested: [Option<Outcome>; 2],
    pub(crate) account: &'static str,
    pub(crate) aws_is_down: bool,
    pub(crate) ended: bool,
    pub(crate) cluster: ClusterIdentity,
    /// The accounts, as the process knows them.
    pub(crate) accounts: Accounts,
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
    /// When an object last tagged an organization of nobody or of somebody else as its own, until the
    /// tags were read again: by UID and id.
    claims: BTreeMap<(String, String), Timestamp>,
    /// Whom the tags named when the object's reconcile last read them and came to write its status: by
    /// UID and id.
    pub(crate) last_seen: BTreeMap<(String, String), Owner>,
    /// What each object under Observe was last found to plan.
    pub(crate) planned: [Option<Vec<Call>>; 2],
    /// The calls that reached AWS, and whether it did their work.
    pub(crate) calls: Vec<(Call, bool)>,
    /// Nobody publishes the records of mail domains.
    pub(crate) dns_waits: bool,
    /// The mail of the organization, and its exports.
    pub(crate) mail: mail::Mail,
    /// What a cache shows of it.
    pub(crate) mail_before: mail::Mail,
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
            cluster: ClusterIdentity::new(
                Some("prod".into()),
                "11111111-2222-3333-4444-555555555555".into(),
                ["old-prod".into()],
            ),
            accounts: Accounts {
                known: Known::Listed(BTreeMap::new()),
                namespaces: Some(BTreeMap::from([("mail".into(), BTreeMap::new())])),
                ..Accounts::default()
            },
            writes: 0,
            effects: 0,
            requests: 0,
            breaches: Vec::new(),
            delete_tokens: BTreeMap::new(),
            claims: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            planned: [None, None],
            calls: Vec::new(),
            dns_waits: false,
            mail: mail::Mail::default(),
            mail_before: mail::Mail::default(),
        }
    }

    pub(crate) fn object(&self, slot: usize) -> Option<&Object> {
        self.server.objects.get(slot)?.as_ref()
    }

    /// With which account an object works.
    pub(crate) fn access(&self, object: &Object) -> Access {
        let named = object.spec.account_ref.as_ref();
        self.accounts.access(Applicant {
            namespace: "mail",
            account_ref: named.map(|named| named.name.as_str()),
            used: object.status.memory.account_name.as_deref(),
        })
    }

    pub(crate) fn slots(&self) -> usize {
        self.server.objects.len()
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// The other object, if it comes first.
    pub(crate) fn competitor(&self, object: &Object) -> Option<ObjectKey> {
        let competitor = |one: &Object| {
            let ready = one.status.condition(ConditionType::Ready);
            let ready = ready.map(|ready| ready.reason.as_str());
            Competitor::of(&one.desired(), &one.status.memory, ready, &self.access(one))
        };
        let all: Vec<Competitor> = self
            .server
            .objects
            .iter()
            .flatten()
            .map(competitor)
            .collect();
        preferred_over(&competitor(object), &all).cloned()
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
        self.aws.addresses = false;
        self.aws.most_domains = None;
        for org in self.aws.orgs.values_mut() {
            if matches!(
                org.state,
                State::Impaired | State::Inactive | State::Other(_)
            ) {
                org.become_one(State::Active, self.now);
            }
        }
        self.running = [None, None];
    }

    /// Time passes, and every object is reconciled once.
    pub(crate) fn round(&mut self, seconds: i64) {
        self.pass(seconds);
        self.aws.advance(self.now);
        if !self.dns_waits {
            self.aws.verify(&Verification::Verified);
        }
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
                self.meddle_with_domains(event);
            }
        }
    }
}
