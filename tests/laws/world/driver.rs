//! The driver in small: one action a step, as the controller takes them.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::jiff::Timestamp;
use workmail_operator::{
    api::WorkMailOrganizationStatus,
    logic::{
        Moment, Now,
        organization::{
            Action, Answer, Freshness, Listing, Memory, Outcome, ProcessMemory, Read, Reconcile,
            Recorded, Report, SaveAs, Schema, Scope, Summary, Surroundings, View, keep, planned,
        },
    },
};

use super::{
    Fault, World,
    aws::TagMap,
    server::{Object, Written},
    watch_domains::SeenDomains,
};

/// Deep resyncs come when a story asks for one.
const NEVER: Duration = Duration::from_hours(24 * 365);
/// More steps than any way through `decide` has.
const MOST_STEPS: usize = 40;

/// What a process knows, and a crash forgets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    started: Timestamp,
    pub(crate) known: BTreeMap<String, Known>,
    pub(crate) snapshot: Option<(Timestamp, &'static str, Vec<Summary>)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// What the reconciles of the object remember.
    pub(crate) memory: ProcessMemory,
    pub(super) id_missing: Option<Timestamp>,
    pub(super) alias_missing: Option<Timestamp>,
    /// Since when the deletion of its organization is known to be accepted, and the first read since
    /// that showed it all the same.
    pub(super) accepted: Option<Timestamp>,
    pub(super) still_there: Option<Timestamp>,
    /// What was found of exports.
    pub(super) checks: workmail_operator::logic::gate::Checks,
    /// What a paused reconcile has seen.
    seen: Option<Evidence>,
}

/// One reconcile on its way.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) slot: usize,
    pub(crate) uid: String,
    pub(crate) reconcile: Reconcile,
    /// What was remembered as it began.
    pub(crate) began: Memory,
    /// The version that checked writes are made over.
    pub(crate) version: u64,
    pub(crate) account: Option<&'static str>,
    pub(crate) seen: Evidence,
    pub(super) steps: usize,
}

impl Running {
    pub(crate) const fn view(&self) -> &View {
        &self.reconcile.view
    }
}

/// What happened in this reconcile, kept beside the view by the model itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// The object as it was when its freshness was last proven.
    pub(crate) current: Option<Object>,
    pub(crate) listing: Option<Listing>,
    pub(crate) described: Option<String>,
    pub(crate) scope: Option<Scope>,
    /// The tags AWS showed, with our own writes since.
    pub(crate) tags: Option<(String, TagMap)>,
    /// AWS did not show the tags.
    pub(crate) tags_hidden: bool,
    /// Whether the object that the tags name exists.
    pub(crate) owner_lives: Option<bool>,
    pub(crate) domains: SeenDomains,
    /// The mail and the exports as they were when they were last read anew, in which step, and when.
    pub(crate) mail: Option<(usize, Timestamp, super::mail::Mail)>,
}

impl World {
    /// The next step of this object's reconcile, with a fault.
    pub(crate) fn step(&mut self, slot: usize, fault: &Fault) {
        if let Fault::CrashBefore = fault {
            return self.crash();
        }
        let running = self.running[slot].take();
        let Some(mut running) = running.or_else(|| self.begin(slot, fault)) else {
            return;
        };
        let action = running.reconcile.next();
        if let (Fault::Pause, false) = (fault, matches!(action, Action::Save(_))) {
            return self.pause(&mut running);
        }
        running.steps += 1;
        self.watch_action(&running, &action);
        if running.steps == 1 {
            self.watch_outdated(running.view());
        }
        if running.steps > MOST_STEPS {
            self.broken("a reconcile ends", format!("still at {action:?}"));
            return;
        }
        let goes_on = self.act(&mut running, &action, fault);
        if let Fault::CrashAfter = fault {
            self.crash();
        } else if goes_on {
            self.running[slot] = Some(running);
        }
    }

    fn pause(&mut self, running: &mut Running) {
        let known = self.known(&running.uid);
        running.reconcile.pause(&mut known.memory);
        known.seen = Some(running.seen.clone());
    }

    /// Applies an answer, as the process does.
    fn answered(&mut self, running: &mut Running, action: &Action, answer: Answer) {
        let now = self.clock();
        let known = self.known(&running.uid);
        let resumes = running
            .reconcile
            .answered(&mut known.memory, action, answer, now);
        if let Some(earlier) = known.seen.take_if(|_| resumes) {
            let described = running.view().observed.organization.seen().is_some();
            running.seen.described = earlier.described.filter(|_| described);
            if running.view().observed.domains.is_some() {
                running.seen.domains = earlier.domains;
            }
        }
    }

    /// The present, by both clocks.
    pub(crate) fn clock(&self) -> Now {
        Now {
            time: self.now,
            moment: moment(self.now),
        }
    }

    fn crash(&mut self) {
        self.process = Process {
            started: self.now,
            ..Process::default()
        };
        self.running.fill(None);
    }

    fn begin(&mut self, slot: usize, fault: &Fault) -> Option<Running> {
        let live = self.server.objects.get(slot)?.as_ref()?;
        let back = if let Fault::StaleView(back) = fault {
            usize::from(*back)
        } else {
            0
        };
        let object = self
            .server
            .versions
            .iter()
            .rev()
            .filter(|version| version.uid == live.uid)
            .nth(back)
            .unwrap_or(live)
            .clone();
        let view = self.view(&object);
        let now = moment(self.now);
        let known = self.known(&object.uid);
        Some(Running {
            slot,
            uid: object.uid.clone(),
            reconcile: Reconcile::begin(view, &mut known.memory, now),
            began: object.status.memory.clone(),
            version: object.version,
            account: None,
            seen: Evidence::default(),
            steps: 0,
        })
    }

    /// The view a reconcile of this version of the object begins with.
    pub(crate) fn view(&mut self, object: &Object) -> View {
        let surroundings = Surroundings {
            started: moment(self.process.started),
            started_at: self.process.started,
            deep_resync_interval: NEVER,
            schema: Schema::Complete,
            access: self.access(object),
            listing_fails_since: None,
            ended: self.ended,
            end_of_service: "2027-03-31".into(),
            days_left: (i64::from(u32::MAX) - self.now.as_second()) / 86_400,
        };
        let (cluster, competitor) = (self.cluster.clone(), self.competitor(object));
        let now = self.clock();
        let known = self.known(&object.uid);
        View::begin(
            object.desired(),
            object.status.clone(),
            cluster,
            competitor,
            (&mut known.memory, &surroundings),
            now,
        )
    }

    /// Takes one action; says whether the reconcile goes on.
    fn act(&mut self, running: &mut Running, action: &Action, fault: &Fault) -> bool {
        let answer = match action {
            Action::Intend(_)
            | Action::Claim(..)
            | Action::Freeze
            | Action::Manage(_)
            | Action::ManageDomains(_)
            | Action::Forget => {
                running.reconcile.view.record(action, self.now);
                return true;
            }
            Action::Read(Read::Object | Read::Scope | Read::Owner { .. } | Read::Endpoint)
            | Action::KeepEndpoint(_)
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Save(_)
            | Action::Finish(_) => return self.act_in_kubernetes(running, action, fault),
            Action::Read(look) => {
                self.watch_request(running);
                self.look(running, look, fault)
            }
            Action::WriteClosing(_) => {
                self.watch_request(running);
                self.write_closing(fault)
            }
            Action::Call(call) => {
                // As the executor does: what was decided under another rule is decided anew.
                let object = self.server.get(&running.uid).cloned();
                let access = object.map(|object| self.access(&object));
                let access = access.unwrap_or_else(|| running.view().facts.access.clone());
                if !running.view().is_decided_under(&Schema::Complete, &access) {
                    return false;
                }
                self.watch_request(running);
                self.watch_call(running, call);
                self.call(running, call, fault)
            }
        };
        self.answered(running, action, answer);
        true
    }

    pub(crate) fn known(&mut self, uid: &str) -> &mut Known {
        self.process.known.entry(uid.to_owned()).or_default()
    }

    fn act_in_kubernetes(&mut self, running: &mut Running, action: &Action, fault: &Fault) -> bool {
        if let Fault::Api = fault {
            return false;
        }
        let answer = match action {
            Action::Read(Read::Object) => {
                let live = self.server.get(&running.uid);
                if live.map(|object| object.version) != Some(running.version) {
                    return false;
                }
                running.seen.current = live.cloned();
                Answer::Current
            }
            Action::Read(Read::Owner { namespace, name }) => {
                let mut objects = self.server.objects.iter().flatten();
                let lives = objects.any(|object| namespace == "mail" && *name == object.name);
                running.seen.owner_lives = Some(lives);
                Answer::OwnerLives(lives)
            }
            Action::Read(_) => {
                let scope = self.scope();
                running.seen.scope = Some(scope);
                Answer::Scope(scope)
            }
            Action::AddFinalizer | Action::RemoveFinalizer(_) => {
                let on = *action == Action::AddFinalizer;
                self.watch_finalizer(running, action);
                let written = self.server.set_finalizer(&running.uid, running.version, on);
                if matches!(written, Written::Conflict | Written::Gone) {
                    return false;
                }
                self.keep_version(running);
                match action {
                    Action::RemoveFinalizer(release) => Answer::FinalizerRemoved(release.clone()),
                    _ => Answer::FinalizerAdded,
                }
            }
            Action::Save(save) => {
                let report = keep(running.view(), *save);
                if !self.publish(running, &report, save.freshness()) {
                    return false;
                }
                let live = self.server.get(&running.uid).cloned();
                let desired = live.as_ref().map(Object::desired);
                if *save == SaveAs::Answer && desired.as_ref() != Some(&running.view().desired) {
                    // The answer is written over somebody's change: what follows is decided anew.
                    return false;
                }
                running.seen.current = live;
                Answer::Saved
            }
            Action::Finish(outcome) => {
                self.finish(running, outcome);
                return false;
            }
            _ => return false,
        };
        if let Fault::ApiLost = fault {
            return false;
        }
        self.answered(running, action, answer);
        true
    }

    fn scope(&self) -> Scope {
        if self.server.namespace_leaves {
            Scope::NamespaceLeaves
        } else if self.server.definition_leaves {
            Scope::DefinitionLeaves
        } else {
            Scope::Stays
        }
    }

    fn finish(&mut self, running: &mut Running, outcome: &Outcome) {
        let known = self.known(&running.uid);
        let report = running.reconcile.report(&mut known.memory, outcome);
        if !outcome.keeps_checks() {
            known.checks.clear();
        }
        known.seen = Some(running.seen.clone());
        self.watch_events(&report.notes);
        self.watch_release(running, outcome, &report.notes);
        self.rested[running.slot] = Some(outcome.clone());
        let has_read = match outcome {
            Outcome::Observed(_) => true,
            Outcome::Failed(failure) => !failure.read_failed,
            _ => false,
        };
        if has_read && running.view().observes() {
            self.planned[running.slot] = Some(planned(running.view()).calls);
        }
        if let Some(freshness) = running.reconcile.freshness(outcome)
            && !self.publish(running, &report, freshness)
        {
            return;
        }
        let now = self.clock();
        let memory = &mut self.known(&running.uid).memory;
        running.reconcile.finish(memory, outcome, &report, now, 0.5);
    }

    fn publish(&mut self, running: &mut Running, report: &Report, freshness: Freshness) -> bool {
        // Through the status itself, as the API server keeps it.
        let status = report.to_status(&WorkMailOrganizationStatus::default(), self.now);
        let status = Recorded::read(&status);
        let version = (freshness == Freshness::Required).then_some(running.version);
        let before = self.server.get(&running.uid).cloned();
        match self.server.write(&running.uid, version, &status) {
            Written::Conflict | Written::Gone => return false,
            Written::Yes => {
                self.writes += 1;
                self.watch_status(running, before.as_ref(), &status);
            }
            Written::Same => {}
        }
        self.note_owner(running);
        self.keep_version(running);
        true
    }

    fn keep_version(&self, running: &mut Running) {
        if let Some(object) = self.server.get(&running.uid) {
            running.version = object.version;
        }
    }
}

/// All moments are counted from 1970, so that they outlast a process.
pub(crate) fn moment(time: Timestamp) -> Moment {
    let since = time.duration_since(Timestamp::UNIX_EPOCH);
    Moment::after_start(Duration::try_from(since).unwrap_or_default())
}
