//! The driver in small: one action a step, as the controller takes them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::api::Reason;
use workmail_operator::logic::{
    Failure,
    organization::{
        Action, Answer, Desired, Facts, Listing, Memory, Observed, Outcome, Read, Report, SaveAs,
        Schema, Scope, Summary, View, decide, keep, planned, report,
    },
};

use super::{
    Fault, World,
    aws::TagMap,
    server::{Object, Stored, Written},
    watch_domains::SeenDomains,
};

pub(crate) const FIFTEEN_MINUTES: SignedDuration = SignedDuration::from_mins(15);
/// A claim is read again this much later.
pub(crate) const PROOF: SignedDuration = SignedDuration::from_secs(5);
/// A deletion that came to nothing is asked for again no sooner.
const SLOW: SignedDuration = SignedDuration::from_mins(48);
/// What a paused reconcile has read is used by the next one for this long.
const KEPT: SignedDuration = SignedDuration::from_mins(15);
/// A domain that is waited for is read again this much later, and is overdue after that.
const PACE: SignedDuration = SignedDuration::from_secs(10);
pub(crate) const VERIFICATION: SignedDuration = SignedDuration::from_hours(72);
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
    pub(super) attempts: Option<(Timestamp, bool)>,
    pub(super) id_missing: Option<Timestamp>,
    pub(super) alias_missing: Option<Timestamp>,
    /// Since when the deletion of its organization is known to be accepted, and the first read since
    /// that showed it all the same.
    pub(super) accepted: Option<Timestamp>,
    pub(super) still_there: Option<Timestamp>,
    /// When it was first told that the accepted deletion came to nothing, and of which generation.
    deletion_failed: Option<(Timestamp, i64)>,
    /// When an organization of nobody or of somebody else was last tagged as the object's.
    pub(super) claimed: Option<Timestamp>,
    /// When its domains were last read.
    pub(super) domains_read: Option<Timestamp>,
    unreachable_since: Option<Timestamp>,
    kept: Option<Kept>,
    pub(crate) full_read_due: bool,
}

/// What a reconcile that was paused has read, and when.
#[derive(Clone, Debug)]
struct Kept {
    at: Timestamp,
    desired: Desired,
    reads: Observed,
    seen: Evidence,
}

/// One reconcile on its way.
#[derive(Clone, Debug)]
pub(crate) struct Reconcile {
    pub(crate) slot: usize,
    pub(crate) uid: String,
    pub(crate) view: View,
    /// What was remembered as it began.
    pub(crate) began: Memory,
    /// The version that checked writes are made over.
    pub(crate) version: u64,
    pub(crate) account: Option<&'static str>,
    pub(crate) seen: Evidence,
    steps: usize,
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
}

impl World {
    /// The next step of this object's reconcile, with a fault.
    pub(crate) fn step(&mut self, slot: usize, fault: &Fault) {
        if let Fault::CrashBefore = fault {
            return self.crash();
        }
        let running = self.running[slot].take();
        let Some(mut reconcile) = running.or_else(|| self.begin(slot, fault)) else {
            return;
        };
        let action = decide(&reconcile.view);
        if let (Fault::Pause, false) = (fault, matches!(action, Action::Save(_))) {
            return self.pause(&reconcile);
        }
        reconcile.steps += 1;
        self.watch_action(&reconcile, &action);
        if reconcile.steps == 1 {
            self.watch_outdated(&reconcile.view);
        }
        if reconcile.steps > MOST_STEPS {
            self.broken("a reconcile ends", format!("still at {action:?}"));
            return;
        }
        let goes_on = self.act(&mut reconcile, &action, fault);
        if let Fault::CrashAfter = fault {
            self.crash();
        } else if goes_on {
            self.running[slot] = Some(reconcile);
        }
    }

    fn pause(&mut self, reconcile: &Reconcile) {
        let kept = reconcile.view.reads().map(|reads| Kept {
            at: self.now,
            desired: reconcile.view.desired.clone(),
            reads,
            seen: reconcile.seen.clone(),
        });
        self.known(&reconcile.uid).kept = kept;
    }

    /// Goes on with what a paused reconcile has read, once the listing is there.
    fn resume(&mut self, reconcile: &mut Reconcile) {
        let now = self.now;
        let Some(kept) = self.known(&reconcile.uid).kept.take() else {
            return;
        };
        let is_recent = now.duration_since(kept.at) <= KEPT;
        let rows = |listing: &Option<Listing>| {
            let listing = listing.clone();
            listing.map(|seen| (seen.by_id, seen.by_alias))
        };
        let is_same = rows(&kept.reads.listing) == rows(&reconcile.view.observed.listing);
        if !is_recent || !is_same || kept.desired != reconcile.view.desired {
            return;
        }
        reconcile.view.resume(kept.reads, now);
        let Evidence {
            described, domains, ..
        } = kept.seen;
        let is_kept = reconcile.view.observed.organization.seen().is_some();
        reconcile.seen.described = described.filter(|_| is_kept);
        reconcile.seen.domains = domains;
    }

    fn crash(&mut self) {
        self.process = Process {
            started: self.now,
            ..Process::default()
        };
        self.running.fill(None);
    }

    fn begin(&mut self, slot: usize, fault: &Fault) -> Option<Reconcile> {
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
        Some(Reconcile {
            slot,
            uid: object.uid.clone(),
            view: self.view(&object),
            began: object.status.memory.clone(),
            version: object.version,
            account: None,
            seen: Evidence::default(),
            steps: 0,
        })
    }

    /// The view a reconcile of this version of the object begins with.
    pub(crate) fn view(&self, object: &Object) -> View {
        let known = self
            .process
            .known
            .get(&object.uid)
            .cloned()
            .unwrap_or_default();
        let memory = object.status.memory.clone();
        let age = |since: Option<Timestamp>| since.map(|since| self.now.duration_since(since));
        let pending = memory.pending.as_ref().map(|pending| pending.since);
        let desired = object.desired();
        let is_older = desired.created_at <= self.process.started;
        let claimed = (known.claimed).or_else(|| is_older.then_some(self.process.started));
        let new_consent = desired.take_over.is_some();
        let delete_again = known.deletion_failed.is_some_and(|(told, under)| {
            under != object.generation || self.now.duration_since(told) >= SLOW
        });
        View {
            desired,
            cluster: self.cluster.clone(),
            saved: memory.clone(),
            shown: object.status.shown.clone(),
            previous: object.status.verdicts.clone(),
            observed_generation: object.status.observed_generation,
            handled: object.status.handled.clone(),
            observed: Observed::default(),
            facts: Facts {
                schema: Schema::Complete,
                full_read_due: known.full_read_due,
                young: age(memory.created_at).is_some_and(|age| age < FIFTEEN_MINUTES),
                delete_again,
                pending_expired: age(pending).is_some_and(|age| age >= FIFTEEN_MINUTES),
                unproven_claim: age(claimed).is_some_and(|age| age < PROOF),
                new_consent,
                was_in_sync: false,
                domains_due: !object.status.shown.pending_domains().is_empty()
                    && age(known.domains_read.or(Some(self.process.started)))
                        .is_some_and(|age| age >= PACE),
                overdue_domains: self.overdue(object),
                attempts_answered: known
                    .attempts
                    .is_some_and(|(since, answered)| answered && Some(since) == pending),
                unreachable_for_long: age(known.unreachable_since)
                    .is_some_and(|age| age >= FIFTEEN_MINUTES),
                ended: self.ended,
                end_of_service: "2027-03-31".into(),
            },
            competitor: self.competitor(object),
            memory,
        }
    }

    fn overdue(&self, object: &Object) -> BTreeSet<String> {
        let is_overdue = |since| self.now.duration_since(since) >= VERIFICATION;
        let all = object.status.shown.domains.iter();
        all.filter(|(_, domain)| domain.pending_since.is_some_and(is_overdue))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Takes one action; says whether the reconcile goes on.
    fn act(&mut self, reconcile: &mut Reconcile, action: &Action, fault: &Fault) -> bool {
        let answer = match action {
            Action::Intend(_)
            | Action::Claim(..)
            | Action::Freeze
            | Action::Manage(_)
            | Action::ManageDomains(_)
            | Action::Forget => {
                reconcile.view.record(action, self.now);
                return true;
            }
            Action::Read(Read::Object | Read::Scope | Read::Owner { .. } | Read::Endpoint)
            | Action::KeepEndpoint(_)
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Save(_)
            | Action::Finish(_) => return self.act_in_kubernetes(reconcile, action, fault),
            Action::Read(look) => {
                self.watch_request(reconcile);
                self.look(reconcile, look, fault)
            }
            Action::Call(call) => {
                self.watch_request(reconcile);
                self.watch_call(reconcile, call);
                self.call(reconcile, call, fault)
            }
        };
        reconcile.view.apply_answer(action, answer, self.now);
        if reconcile.view.observed.listing.is_some() {
            self.resume(reconcile);
        }
        self.note_attempts(reconcile);
        true
    }

    fn note_attempts(&mut self, reconcile: &Reconcile) {
        if let Some(pending) = reconcile.view.memory.pending_create() {
            let answered = reconcile.view.facts.attempts_answered;
            self.known(&reconcile.uid).attempts = Some((pending.since, answered));
        }
    }

    pub(crate) fn known(&mut self, uid: &str) -> &mut Known {
        self.process.known.entry(uid.to_owned()).or_default()
    }

    fn act_in_kubernetes(
        &mut self,
        reconcile: &mut Reconcile,
        action: &Action,
        fault: &Fault,
    ) -> bool {
        if let Fault::Api = fault {
            return false;
        }
        let answer = match action {
            Action::Read(Read::Object) => {
                let live = self.server.get(&reconcile.uid);
                if live.map(|object| object.version) != Some(reconcile.version) {
                    return false;
                }
                reconcile.seen.current = live.cloned();
                Answer::Current
            }
            Action::Read(Read::Owner { namespace, name }) => {
                let mut objects = self.server.objects.iter().flatten();
                let lives = objects.any(|object| namespace == "mail" && *name == object.name);
                reconcile.seen.owner_lives = Some(lives);
                Answer::OwnerLives(lives)
            }
            Action::Read(_) => {
                let scope = self.scope();
                reconcile.seen.scope = Some(scope);
                Answer::Scope(scope)
            }
            Action::AddFinalizer | Action::RemoveFinalizer(_) => {
                let on = *action == Action::AddFinalizer;
                self.watch_finalizer(reconcile, action);
                let written = self
                    .server
                    .set_finalizer(&reconcile.uid, reconcile.version, on);
                if matches!(written, Written::Conflict | Written::Gone) {
                    return false;
                }
                self.keep_version(reconcile);
                match action {
                    Action::RemoveFinalizer(release) => Answer::FinalizerRemoved(release.clone()),
                    _ => Answer::FinalizerAdded,
                }
            }
            Action::Save(save) => {
                let report = keep(&reconcile.view, *save);
                let checked = *save == SaveAs::Intent;
                if !self.publish(reconcile, &report, checked) {
                    return false;
                }
                let live = self.server.get(&reconcile.uid).cloned();
                let desired = live.as_ref().map(Object::desired);
                if !checked && desired.as_ref() != Some(&reconcile.view.desired) {
                    // The answer is written over somebody's change: what follows is decided anew.
                    return false;
                }
                reconcile.seen.current = live;
                Answer::Saved
            }
            Action::Finish(outcome) => {
                self.rest(reconcile, outcome);
                return false;
            }
            _ => return false,
        };
        if let Fault::ApiLost = fault {
            return false;
        }
        reconcile.view.apply_answer(action, answer, self.now);
        self.note_attempts(reconcile);
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

    fn rest(&mut self, reconcile: &mut Reconcile, outcome: &Outcome) {
        let report = report(&reconcile.view, outcome);
        self.watch_events(&report.notes);
        self.watch_release(reconcile, outcome, &report.notes);
        self.rested[reconcile.slot] = Some(outcome.clone());
        let is_of_a_look = matches!(
            outcome,
            Outcome::Observed(_)
                | Outcome::Failed(Failure {
                    read_failed: false,
                    ..
                })
        );
        if is_of_a_look && reconcile.view.observes() {
            self.planned[reconcile.slot] = Some(planned(&reconcile.view).calls);
        }
        let unreachable = matches!(
            outcome,
            Outcome::Failed(Failure {
                read_failed: true,
                ..
            })
        );
        let now = self.now;
        let listing = reconcile.view.observed.listing.as_ref();
        let undone = reconcile.view.memory.deletion_accepted.is_some()
            && listing.is_some_and(|listing| listing.deletion_failed);
        let told = (now, reconcile.view.desired.generation);
        let known = self.known(&reconcile.uid);
        known.deletion_failed = undone.then(|| known.deletion_failed.unwrap_or(told));
        if unreachable {
            known.unreachable_since.get_or_insert(now);
        } else {
            known.unreachable_since = None;
            known.full_read_due = false;
        }
        let may_go_on = matches!(
            outcome,
            Outcome::Failed(failure)
                if matches!(failure.reason, Reason::Throttled | Reason::ServiceUnavailable)
        );
        if may_go_on {
            self.pause(reconcile);
        }
        if !matches!(outcome, Outcome::Released(_) | Outcome::Gone) {
            // What AWS answered must not be lost; all else can be looked at again.
            let view = &reconcile.view;
            let checked = !(view.has_unsaved_answer() && view.observed.current);
            self.publish(reconcile, &report, checked);
        }
    }

    fn publish(&mut self, reconcile: &mut Reconcile, report: &Report, checked: bool) -> bool {
        let status = Stored::of(report);
        let version = checked.then_some(reconcile.version);
        let before = self.server.get(&reconcile.uid).cloned();
        match self.server.write(&reconcile.uid, version, &status) {
            Written::Conflict | Written::Gone => return false,
            Written::Yes => {
                self.writes += 1;
                self.watch_status(reconcile, before.as_ref(), &status);
            }
            Written::Same => {}
        }
        self.note_owner(reconcile);
        self.keep_version(reconcile);
        true
    }

    fn keep_version(&self, reconcile: &mut Reconcile) {
        if let Some(object) = self.server.get(&reconcile.uid) {
            reconcile.version = object.version;
        }
    }
}
