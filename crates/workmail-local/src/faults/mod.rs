//! Faults: what goes wrong between a client and the work, by rules.

mod fault;
mod rule;

use std::time::Duration;

use tokio::sync::watch;

pub(crate) use self::rule::Subject;
pub use self::{
    fault::{Fault, Work},
    rule::{Rule, RuleId, RuleView},
};
use crate::knobs::CodedError;

/// What the rules have in store for one call.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    pub(crate) rules: Vec<RuleId>,
    pub(crate) delay: Duration,
    pub(crate) fail_creation: Option<String>,
    pub(crate) end: End,
}

/// How a call ends.
#[derive(Debug, Default)]
pub(crate) enum End {
    #[default]
    Well,
    Error(CodedError, Work),
    Http(u16, Work),
    Hang(watch::Receiver<()>, Work),
    Lost(Work),
    Garbage(Work),
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    last: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: RuleId,
    rule: Rule,
    seen: u64,
    hits: u64,
    /// Calls that hang wait for a message, or for its end.
    release: watch::Sender<()>,
}

impl Entry {
    fn strikes(&mut self, call: &Subject<'_>) -> bool {
        if !self.rule.is_for(call) || self.rule.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        self.seen += 1;
        let strikes = self.seen > self.rule.skip
            && self
                .rule
                .probability
                .is_none_or(|share| rand::random::<f64>() < share);
        self.hits += u64::from(strikes);
        strikes
    }
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) -> RuleId {
        self.last += 1;
        let id = RuleId(self.last);
        let release = watch::Sender::new(());
        self.entries.push(Entry {
            id,
            rule,
            seen: 0,
            hits: 0,
            release,
        });
        id
    }

    /// Removes a rule; the calls that it holds go on.
    pub(crate) fn remove(&mut self, id: RuleId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Lets the calls go on that a rule holds, or all of them; the rules stay.
    pub(crate) fn release(&mut self, id: Option<RuleId>) -> usize {
        self.entries
            .iter()
            .filter(|entry| id.is_none_or(|id| entry.id == id))
            .map(|entry| {
                let held = entry.release.receiver_count();
                entry.release.send_replace(());
                held
            })
            .sum()
    }

    pub(crate) fn views(&self) -> Vec<RuleView> {
        self.entries
            .iter()
            .map(|entry| RuleView {
                id: entry.id,
                rule: entry.rule.clone(),
                hits: entry.hits,
                held: entry.release.receiver_count(),
            })
            .collect()
    }

    /// What becomes of a call. Counts as a hit of every rule that has a part in it.
    pub(crate) fn fate(&mut self, call: &Subject<'_>) -> Fate {
        let mut fate = Fate::default();
        for entry in &mut self.entries {
            if !entry.strikes(call) {
                continue;
            }
            fate.rules.push(entry.id);
            fate.end = match entry.rule.fault.clone() {
                Fault::Delay { time } => {
                    fate.delay += time.draw();
                    continue;
                }
                Fault::FailCreation { error_message } => {
                    fate.fail_creation = Some(error_message);
                    continue;
                }
                Fault::Error {
                    code,
                    message,
                    status,
                    work,
                } => End::Error(
                    CodedError {
                        code,
                        message,
                        status,
                    },
                    work,
                ),
                Fault::Throttle { code, status } => {
                    let message = "Rate exceeded".to_owned();
                    End::Error(
                        CodedError {
                            code,
                            message,
                            status,
                        },
                        Work::NotDone,
                    )
                }
                Fault::Http { status, work } => End::Http(status, work),
                Fault::Hang { work } => End::Hang(entry.release.subscribe(), work),
                Fault::LostReply { work } => End::Lost(work),
                Fault::Garbage { work } => End::Garbage(work),
            };
            break;
        }
        fate
    }
}

#[cfg(test)]
mod tests;
